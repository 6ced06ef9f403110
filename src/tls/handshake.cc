#include "tls/handshake.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <string_view>

#include <openssl/crypto.h>

#include "tls/context.h"
#include "tls/store.h"
#include "tls/tickets.h"

namespace mew::tls {
namespace {

Handshake& handshake_of(const SSL* ssl) { return *static_cast<Handshake*>(SSL_get_app_data(ssl)); }

// The one name of the extension (RFC 6066 3): sizes of list, kind (0: host name) and name.
std::string name_in(const unsigned char* bytes, std::size_t size) {
    constexpr std::size_t kHead = 5;
    if (size <= kHead || bytes[2] != 0) return {};
    const std::size_t length = std::size_t{bytes[3]} << 8 | bytes[4];
    if (length > size - kHead || length > 255) return {};
    std::string name(reinterpret_cast<const char*>(bytes) + kHead, length);
    if (name.ends_with('.')) name.pop_back();
    for (char& byte : name)
        byte = static_cast<char>(std::tolower(static_cast<unsigned char>(byte)));
    return name;
}

bool ask_client(SSL* ssl, const ClientRule& rule) {
    int mode = SSL_VERIFY_PEER;
    if (rule.required) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    SSL_set_verify(ssl, mode, nullptr);
    STACK_OF(X509_NAME)* const names = SSL_dup_CA_list(rule.names.get());
    if (names == nullptr || SSL_set1_verify_cert_store(ssl, rule.trusted.get()) != 1) return false;
    SSL_set_client_CA_list(ssl, names);
    return true;
}

// Before anything else of the handshake, resumption too: a ticket is judged by what the name asked
// for demands. A name's certificate without a rule of its own has its listener's, or its client
// would pass by what that listener asks of all.
bool choose(SSL* ssl, Handshake& handshake) {
    const auto listener = handshake.store.of_listener(handshake.listener);
    if (listener == nullptr) return false;
    handshake.context = handshake.store.of_name(handshake.server_name);
    if (handshake.context == nullptr) handshake.context = listener;
    const Context& context = *handshake.context;
    if (SSL_set_SSL_CTX(ssl, context.ctx.get()) == nullptr) return false;
    const ClientRule* const rule =
        context.clients != nullptr ? context.clients.get() : listener->clients.get();
    Identity both[2] = {context.identity, rule != nullptr ? rule->identity : Identity{}};
    static_assert(sizeof both <= SSL_MAX_SID_CTX_LENGTH);
    if (SSL_set_session_id_context(ssl, both[0].data(), sizeof both) != 1) return false;
    return rule == nullptr || ask_client(ssl, *rule);
}

int on_client_hello(SSL* ssl, int* alert, void*) {
    Handshake& handshake = handshake_of(ssl);
    const unsigned char* bytes = nullptr;
    std::size_t size = 0;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &bytes, &size) == 1)
        handshake.server_name = name_in(bytes, size);
    if (choose(ssl, handshake)) return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

// RFC 9113 9.2.2: HTTP/2 wants AEAD and forward secrecy, which somebody's own list of ciphers for
// TLS 1.2 may lack.
bool fits_http2(SSL* ssl) {
    const SSL_CIPHER* const cipher = SSL_get_pending_cipher(ssl);
    if (SSL_version(ssl) >= TLS1_3_VERSION || cipher == nullptr) return true;
    const int exchange = SSL_CIPHER_get_kx_nid(cipher);
    return SSL_CIPHER_is_aead(cipher) == 1 && (exchange == NID_kx_ecdhe || exchange == NID_kx_dhe);
}

// Its client offers a protocol that we do not speak: the handshake fails (RFC 7301 3.2), so that
// nobody's mail protocol is taken for HTTP.
int on_alpn(SSL* ssl, const unsigned char** chosen, unsigned char* chosen_size,
            const unsigned char* offered, unsigned int size, void*) {
    constexpr std::string_view kOurs("\x02h2\x08http/1.1\x08http/1.0");
    constexpr std::size_t kHttp2 = 3;
    const bool http2 = handshake_of(ssl).store.settings().http2 && fits_http2(ssl);
    const std::string_view ours = http2 ? kOurs : kOurs.substr(kHttp2);
    unsigned char* found = nullptr;
    const int result = SSL_select_next_proto(&found, chosen_size,
                                             reinterpret_cast<const unsigned char*>(ours.data()),
                                             static_cast<unsigned int>(ours.size()), offered, size);
    *chosen = found;
    return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int encrypt) {
    Tickets& tickets = handshake_of(ssl).store.tickets();
    return encrypt != 0 ? tickets.seal(name, iv, cipher, mac) : tickets.open(name, iv, cipher, mac);
}

int on_status_request(SSL* ssl, void*) {
    const Handshake& handshake = handshake_of(ssl);
    if (handshake.context == nullptr || handshake.context->ocsp_der.empty())
        return SSL_TLSEXT_ERR_NOACK;
    const std::string& answer = handshake.context->ocsp_der;
    void* const copy = OPENSSL_memdup(answer.data(), answer.size());  // OpenSSL frees it
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(answer.size()));
    return SSL_TLSEXT_ERR_OK;
}

// Counts what is asked for after the handshake (new keys, a handshake anew), which costs the
// client little and us much.
void on_message(int ours, int, int kind, const void* bytes, std::size_t size, SSL* ssl, void*) {
    const bool says_kind = kind == SSL3_RT_HEADER || kind == SSL3_RT_INNER_CONTENT_TYPE;
    if (ours != 0 || !says_kind || size == 0) return;
    Handshake& handshake = handshake_of(ssl);
    if (handshake.over && *static_cast<const unsigned char*>(bytes) == SSL3_RT_HANDSHAKE)
        ++handshake.later_messages;
}

}  // namespace

void hear_handshakes(SSL_CTX* ctx) {
    SSL_CTX_set_client_hello_cb(ctx, on_client_hello, nullptr);
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, nullptr);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
    // The macro for it casts as C does.
    SSL_CTX_callback_ctrl(ctx, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB,
                          reinterpret_cast<void (*)()>(on_status_request));
    SSL_CTX_set_msg_callback(ctx, on_message);
}

void attach(SSL* ssl, Handshake& handshake) { SSL_set_app_data(ssl, &handshake); }

}  // namespace mew::tls
