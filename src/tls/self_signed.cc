// The certificate of https-dev.

#include <ctime>

#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "tls/files.h"
#include "tls/pem.h"

namespace mew::tls {
namespace {

constexpr long kValid = 90L * 86400;  // seconds
constexpr long kClocksApart = 3600;

template <class Write>
std::string written(Write write) {
    const BioHandle memory(BIO_new(BIO_s_mem()));
    write(memory.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &bytes);
    return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : std::string();
}

bool add_extension(X509* certificate, int kind, const char* value) {
    const std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, kind, value));
    return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool set_serial(X509* certificate) {
    std::uint64_t serial = 0;
    return RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1;
}

bool set_name(X509* certificate) {
    const auto* const text = reinterpret_cast<const unsigned char*>("localhost");
    X509_NAME* const name = X509_get_subject_name(certificate);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, text, -1, -1, 0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1;
}

bool fill(X509* certificate, EVP_PKEY* key) {
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_gmtime_adj(X509_getm_notBefore(certificate), -kClocksApart) != nullptr &&
           X509_gmtime_adj(X509_getm_notAfter(certificate), kValid) != nullptr &&
           X509_set_pubkey(certificate, key) == 1 && set_name(certificate) &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
           add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
           X509_sign(certificate, key, EVP_sha256()) != 0;
}

}  // namespace

base::Result<Certificate> make_self_signed() {
    initialise();
    const KeyHandle key(EVP_EC_gen("P-256"));
    const CertificateHandle made(X509_new());
    if (!key || !made || !fill(made.get(), key.get()))
        return base::fail("cannot make a certificate for localhost: " + take_error());
    Certificate certificate;
    certificate.source = kSelfSigned;
    certificate.chain_pem = written([&](BIO* out) { PEM_write_bio_X509(out, made.get()); });
    certificate.key_pem = written([&](BIO* out) {
        PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
    certificate.expires = std::time(nullptr) + kValid;
    return certificate;
}

}  // namespace mew::tls
