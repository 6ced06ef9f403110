#pragma once
// What a client's certificate says, as the variables of an app want it.

#include <string>

struct x509_st;

namespace mew::tls {

struct ClientCertificate {
    std::string subject;          // RFC 2253: "CN=ada,O=Engines"; bytes beyond ASCII as \XX
    std::string issuer;           // RFC 2253
    std::string subject_slashes;  // "/O=Engines/CN=ada", as uWSGI's HTTPS_DN
    std::string serial;           // hexadecimal, upper case
    std::string fingerprint;      // SHA-256 of the certificate, hexadecimal, lower case
    std::string pem;
    std::string not_before;  // "Jan  1 00:00:00 2027 GMT"
    std::string not_after;
};

ClientCertificate describe(const x509_st& certificate);

}  // namespace mew::tls
