#include "tls/client_certificate.h"

#include <memory>

#include <openssl/bn.h>
#include <openssl/pem.h>

#include "tls/handles.h"

namespace mew::tls {
namespace {

// What `print` writes into a BIO.
template <class Print>
std::string text_of(Print print) {
    const BioHandle memory(BIO_new(BIO_s_mem()));
    print(memory.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &bytes);
    return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

std::string name_text(const X509_NAME* name) {
    return text_of([&](BIO* out) { X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253); });
}

std::string slashes(const X509_NAME* name) {
    char* const text = X509_NAME_oneline(name, nullptr, 0);
    std::string copy = text != nullptr ? text : "";
    OPENSSL_free(text);
    return copy;
}

std::string time_text(const ASN1_TIME* time) {
    return text_of([&](BIO* out) { ASN1_TIME_print(out, time); });
}

std::string serial_text(const X509& certificate) {
    const std::unique_ptr<BIGNUM, FreeWith<BN_free>> number(
        ASN1_INTEGER_to_BN(X509_get0_serialNumber(&certificate), nullptr));
    char* const text = number ? BN_bn2hex(number.get()) : nullptr;
    std::string copy = text != nullptr ? text : "";
    OPENSSL_free(text);
    return copy;
}

std::string fingerprint_text(const X509& certificate) {
    constexpr char kDigits[] = "0123456789abcdef";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    std::string text;
    if (X509_digest(&certificate, EVP_sha256(), digest, &size) != 1) return text;
    for (unsigned int i = 0; i < size; ++i) {
        text += kDigits[digest[i] >> 4];
        text += kDigits[digest[i] & 15];
    }
    return text;
}

}  // namespace

ClientCertificate describe(const x509_st& certificate) {
    ClientCertificate facts;
    facts.subject = name_text(X509_get_subject_name(&certificate));
    facts.issuer = name_text(X509_get_issuer_name(&certificate));
    facts.subject_slashes = slashes(X509_get_subject_name(&certificate));
    facts.serial = serial_text(certificate);
    facts.fingerprint = fingerprint_text(certificate);
    facts.pem = text_of([&](BIO* out) { PEM_write_bio_X509(out, &certificate); });
    facts.not_before = time_text(X509_get0_notBefore(&certificate));
    facts.not_after = time_text(X509_get0_notAfter(&certificate));
    return facts;
}

}  // namespace mew::tls
