#pragma once
// Certificates as options name them. Read when options are checked, and by the child of the master
// that reads the files (master/certificate_files).
//
//   https   ADDRESS,CERTIFICATE,KEY[,CIPHERS[,CA]]
//   https2  addr=ADDRESS,cert=...,key=...[,ciphers=...][,clientca=...]: becomes the former
//   sni     NAME CERTIFICATE,KEY[,CIPHERS[,CA]]

#include <string>
#include <string_view>

#include "base/result.h"

namespace mew::options {

struct CertificateText {
    std::string name;  // https: the address; sni: what clients ask for, lower case
    std::string certificate;
    std::string key;
    std::string ciphers;    // empty: ours
    std::string client_ca;  // without the '!'; empty: clients are not asked for a certificate
    bool client_required = false;  // '!' before the CA

    bool operator==(const CertificateText&) const = default;
};

base::Result<CertificateText> parse_https(std::string_view text);
base::Result<CertificateText> parse_https2(std::string_view text);
base::Result<CertificateText> parse_sni(std::string_view text);
// As `https` has it.
std::string https_text(const CertificateText& certificate);

}  // namespace mew::options
