#pragma once
// Certificates and keys made for a test, in memory.

#include <string>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/handles.h"
#include "tls/material.h"

namespace mew::tls {

struct TestPair {
    CertificateHandle certificate;
    KeyHandle key;

    std::string chain_pem() const {
        const BioHandle out(BIO_new(BIO_s_mem()));
        PEM_write_bio_X509(out.get(), certificate.get());
        return text(out.get());
    }
    // With a password: encrypted.
    std::string key_pem(const char* password = nullptr) const {
        const BioHandle out(BIO_new(BIO_s_mem()));
        PEM_write_bio_PrivateKey(out.get(), key.get(), password ? EVP_aes_128_cbc() : nullptr,
                                 nullptr, 0, nullptr, const_cast<char*>(password));
        return text(out.get());
    }

private:
    static std::string text(BIO* out) {
        char* bytes = nullptr;
        const long size = BIO_get_mem_data(out, &bytes);
        return {bytes, static_cast<std::size_t>(size)};
    }
};

struct TestWish {
    std::string name = "localhost";  // CN and the one DNS name
    const TestPair* signer = nullptr;
    bool authority = false;
    long from = -3600;  // seconds from now
    long until = 86400;
};

inline void add_extension(X509* certificate, int nid, const std::string& value) {
    X509_EXTENSION* const one = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate, one, -1);
    X509_EXTENSION_free(one);
}

inline TestPair make_pair(const TestWish& wish = {}) {
    static long serial = 4096;
    TestPair pair;
    pair.key.reset(EVP_EC_gen("P-256"));
    pair.certificate.reset(X509_new());
    X509* const certificate = pair.certificate.get();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wish.from);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wish.until);
    X509_set_pubkey(certificate, pair.key.get());
    X509_NAME* const name = X509_get_subject_name(certificate);
    const auto add = [&](const char* field, const std::string& text) {
        X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(text.c_str()), -1, -1, 0);
    };
    add("O", "Mews");
    add("CN", wish.name);
    const TestPair& signer = wish.signer != nullptr ? *wish.signer : pair;
    X509_set_issuer_name(certificate, X509_get_subject_name(signer.certificate.get()));
    add_extension(certificate, NID_basic_constraints, wish.authority ? "CA:TRUE" : "CA:FALSE");
    add_extension(certificate, NID_subject_alt_name, "DNS:" + wish.name);
    X509_sign(certificate, signer.key.get(), EVP_sha256());
    return pair;
}

inline Certificate make_certificate(const TestPair& pair, std::vector<std::string> names = {}) {
    Certificate certificate;
    certificate.names = std::move(names);
    certificate.chain_pem = pair.chain_pem();
    certificate.key_pem = pair.key_pem();
    certificate.source = "test.crt";
    return certificate;
}

}  // namespace mew::tls
