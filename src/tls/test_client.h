#pragma once
// A client made of OpenSSL, in memory, on the other side of a Session.

#include <memory>
#include <string>
#include <vector>

#include <openssl/ssl.h>

#include "tls/session.h"
#include "tls/store.h"
#include "tls/test_certificates.h"

namespace mew::tls {

using SslHandle = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using TicketHandle = std::unique_ptr<SSL_SESSION, FreeWith<SSL_SESSION_free>>;

struct ClientWish {
    int version = TLS1_3_VERSION;
    std::string name = "localhost";  // empty: none is sent
    std::string alpn;                // as on the wire
    const TestPair* certificate = nullptr;
    SSL_SESSION* ticket = nullptr;  // to be resumed
    const char* ciphers = nullptr;
    bool asks_status = false;
};

class TestClient {
public:
    explicit TestClient(ClientWish wish = {}) : ctx_(SSL_CTX_new(TLS_client_method())) {
        SSL_CTX_set_min_proto_version(ctx_.get(), wish.version);
        SSL_CTX_set_max_proto_version(ctx_.get(), wish.version);
        SSL_CTX_set_session_cache_mode(ctx_.get(), SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(ctx_.get(), keep_ticket);
        if (wish.ciphers != nullptr) SSL_CTX_set_cipher_list(ctx_.get(), wish.ciphers);
        ssl_.reset(SSL_new(ctx_.get()));
        SSL* const ssl = ssl_.get();
        SSL_set_app_data(ssl, this);
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in_, -1);
        SSL_set_bio(ssl, in_, out_);
        SSL_set_connect_state(ssl);
        if (!wish.name.empty())
            SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
                     wish.name.data());
        if (!wish.alpn.empty())
            SSL_set_alpn_protos(ssl, reinterpret_cast<const unsigned char*>(wish.alpn.data()),
                                static_cast<unsigned>(wish.alpn.size()));
        if (wish.certificate != nullptr) {
            SSL_use_certificate(ssl, wish.certificate->certificate.get());
            SSL_use_PrivateKey(ssl, wish.certificate->key.get());
        }
        if (wish.ticket != nullptr) {
            // OpenSSL marks the one it used as used up when another comes.
            const TicketHandle copy(SSL_SESSION_dup(wish.ticket));
            SSL_set_session(ssl, copy.get());
        }
        if (wish.asks_status) SSL_set_tlsext_status_type(ssl, TLSEXT_STATUSTYPE_ocsp);
    }

    // An end without one makes OpenSSL forget the ticket.
    ~TestClient() {
        SSL_set_quiet_shutdown(ssl(), 1);
        SSL_shutdown(ssl());
    }
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    SSL* ssl() { return ssl_.get(); }
    // What it has to say by now.
    std::string take() {
        char* bytes = nullptr;
        const long size = BIO_get_mem_data(out_, &bytes);
        std::string all(bytes, static_cast<std::size_t>(size));
        (void)BIO_reset(out_);
        return all;
    }
    // Hears `bytes`; what they mean is appended to `heard`.
    void give(const std::string& bytes) {
        BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
        if (SSL_in_init(ssl()) && SSL_do_handshake(ssl()) != 1) return;
        char buffer[4096];
        std::size_t size = 0;
        while (SSL_read_ex(ssl(), buffer, sizeof buffer, &size) == 1) heard.append(buffer, size);
        closed = SSL_get_error(ssl(), 0) == SSL_ERROR_ZERO_RETURN;
    }
    void say(const std::string& text) {
        std::size_t written = 0;
        SSL_write_ex(ssl(), text.data(), text.size(), &written);
    }
    // The name in the certificate that the server showed.
    std::string shown_name() {
        char text[256] = "";
        X509* const shown = SSL_get0_peer_certificate(ssl());
        if (shown != nullptr)
            X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, text,
                                      sizeof text);
        return text;
    }
    SSL_SESSION* ticket() {
        if (ticket_ == nullptr) ticket_.reset(SSL_get1_session(ssl()));
        return ticket_.get();
    }

    std::string heard;
    bool closed = false;

private:
    static int keep_ticket(SSL* ssl, SSL_SESSION* ticket) {
        static_cast<TestClient*>(SSL_get_app_data(ssl))->ticket_.reset(ticket);
        return 1;
    }

    ContextHandle ctx_;
    SslHandle ssl_;
    BIO* in_ = nullptr;
    BIO* out_ = nullptr;
    TicketHandle ticket_;
};

// A store with one listener, number 0.
inline Material material_of(const Certificate& certificate) {
    Material material;
    material.listeners.push_back({0, certificate});
    return material;
}

// One connection, both ends.
struct TestConnection {
    TestConnection(Store& store, const ClientWish& wish = {}) : client(wish), session(store, 0) {}

    // Until neither has more to say.
    State talk() {
        SSL_do_handshake(client.ssl());
        for (std::string said = client.take(); !said.empty(); said = client.take()) {
            std::string answer;
            session.receive(said, plain, answer);
            client.give(answer);
        }
        return session.state();
    }
    void answer(const std::string& text) {
        std::string cipher;
        session.send(text, cipher);
        client.give(cipher);
    }

    TestClient client;
    Session session;
    std::string plain;  // what the session understood
};

}  // namespace mew::tls
