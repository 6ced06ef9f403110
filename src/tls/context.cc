#include "tls/context.h"

#include <algorithm>

#include <openssl/err.h>

#include "base/format.h"
#include "tls/handshake.h"
#include "tls/pem.h"

namespace mew::tls {
namespace {

// AEAD with forward secrecy, and nothing else. AES first: clients without AES in hardware name
// ChaCha first and get it (SSL_OP_PRIORITIZE_CHACHA).
constexpr const char* kCiphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
// Whatever else somebody's list names.
constexpr const char* kNever = ":!aNULL:!eNULL:!EXPORT:!MD5:!RC4:!DES:!3DES";
constexpr const char* kGroups = "X25519:P-256:P-384";

constexpr std::uint64_t kOptions = SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_NO_ANTI_REPLAY;
constexpr long kModes = SSL_MODE_NO_AUTO_CHAIN;  // buffers: see warm_buffers.h

base::Unexpected<base::Error> refused(const Certificate& certificate, std::string_view what) {
    return base::fail(base::format("{}: {} ({})", certificate.source, what, take_error()));
}

Identity digest(std::string_view text) {
    unsigned char whole[EVP_MAX_MD_SIZE];
    Identity identity{};
    if (EVP_Digest(text.data(), text.size(), whole, nullptr, EVP_sha256(), nullptr) == 1)
        std::copy_n(whole, identity.size(), identity.begin());
    return identity;
}

base::Result<std::unique_ptr<ClientRule>> make_client_rule(const Certificate& certificate) {
    auto certificates =
        read_certificates(certificate.ca_pem, "the clients' authority of " + certificate.source);
    if (!certificates) return std::move(certificates).failure();
    auto rule = std::make_unique<ClientRule>();
    rule->trusted.reset(X509_STORE_new());
    rule->names.reset(sk_X509_NAME_new_null());
    for (const CertificateHandle& one : *certificates) {
        X509_NAME* const name = X509_NAME_dup(X509_get_subject_name(one.get()));
        if (X509_STORE_add_cert(rule->trusted.get(), one.get()) != 1 ||
            sk_X509_NAME_push(rule->names.get(), name) == 0)
            return refused(certificate, "the clients' authority cannot be used");
    }
    rule->required = certificate.client_required;
    rule->identity = digest(certificate.ca_pem + (rule->required ? "!" : ""));
    return rule;
}

base::Result<void> use_pair(SSL_CTX* ctx, const Certificate& certificate) {
    auto pair = read_pair(certificate);
    if (!pair) return std::move(pair).failure();
    ERR_clear_error();
    if (SSL_CTX_use_certificate(ctx, pair->chain.front().get()) != 1)
        return refused(certificate, "the certificate cannot be used");
    if (SSL_CTX_use_PrivateKey(ctx, pair->key.get()) != 1)
        return refused(certificate, "its key cannot be used");
    for (std::size_t i = 1; i < pair->chain.size(); ++i) {
        if (SSL_CTX_add1_chain_cert(ctx, pair->chain[i].get()) != 1)
            return refused(certificate, "its chain cannot be used");
    }
    return {};
}

base::Result<void> use_ciphers(SSL_CTX* ctx, const Certificate& certificate) {
    ERR_clear_error();
    const std::string ciphers =
        (certificate.ciphers.empty() ? kCiphers : certificate.ciphers) + std::string(kNever);
    if (SSL_CTX_set_cipher_list(ctx, ciphers.c_str()) != 1)
        return refused(certificate, "no cipher is left of '" + certificate.ciphers + "'");
    if (SSL_CTX_set_ciphersuites(ctx, kCiphers13) != 1 ||
        SSL_CTX_set1_groups_list(ctx, kGroups) != 1)
        return refused(certificate, "this OpenSSL lacks the ciphers of TLS 1.3");
    return {};
}

void use_settings(SSL_CTX* ctx, const Settings& settings) {
    SSL_CTX_set_min_proto_version(
        ctx, settings.oldest == Version::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, kOptions);
    SSL_CTX_set_mode(ctx, kModes);
    SSL_CTX_set_verify_depth(ctx, settings.verify_depth);
    // Sessions live in tickets alone.
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(ctx, settings.ticket_lifetime.count());
    SSL_CTX_set_max_early_data(ctx, settings.early_data ? kMostEarlyData : 0);
    // Where it is off, so much of it is passed over: a client may have a ticket of when it was on.
    SSL_CTX_set_recv_max_early_data(ctx, kMostEarlyData);
}

std::string identity_text(const Certificate& certificate) {
    std::string text;
    for (const std::string& name : certificate.names) text += name + ' ';
    return text;
}

}  // namespace

base::Result<std::shared_ptr<const Context>> make_context(const Certificate& certificate,
                                                          const Settings& settings) {
    auto context = std::make_shared<Context>();
    context->ctx.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* const ctx = context->ctx.get();
    if (ctx == nullptr) return refused(certificate, "OpenSSL has no memory for it");
    use_settings(ctx, settings);
    if (auto used = use_pair(ctx, certificate); !used) return std::move(used).failure();
    if (auto used = use_ciphers(ctx, certificate); !used) return std::move(used).failure();
    if (!certificate.ca_pem.empty()) {
        auto rule = make_client_rule(certificate);
        if (!rule) return std::move(rule).failure();
        context->clients = *std::move(rule);
    }
    context->identity = digest(identity_text(certificate));
    context->ocsp_der = certificate.ocsp_der;
    hear_handshakes(ctx);
    return std::shared_ptr<const Context>(std::move(context));
}

}  // namespace mew::tls
