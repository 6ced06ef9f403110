#pragma once
// Certificates read from files, and everything checked that a front would stumble over later: the
// child of the master that does it is the only one who sees the files.

#include <string>
#include <vector>

#include "base/result.h"
#include "tls/material.h"

namespace mew::tls {

struct CertificateFiles {
    std::vector<std::string> names;
    std::string certificate;  // with its chain
    std::string key;
    std::string ciphers;
    std::string client_ca;  // empty: none
    bool client_required = false;
};

// The key is the certificate's, the ciphers are known, `expires` is set.
base::Result<Certificate> read_certificate(const CertificateFiles& files);
// An OCSP answer in DER, for those of `material` that it is about; an error if it is about none.
base::Result<void> staple(Material& material, const std::string& file);
// For localhost, 127.0.0.1 and ::1; nobody has signed it.
base::Result<Certificate> make_self_signed();
inline constexpr const char* kSelfSigned = "https-dev";  // its source

}  // namespace mew::tls
