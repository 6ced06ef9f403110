#include "tls/session.h"

#include <utility>

#include <openssl/err.h>

#include "base/check.h"
#include "base/format.h"
#include "tls/channel.h"
#include "tls/context.h"
#include "tls/handshake.h"
#include "tls/store.h"

namespace mew::tls {
namespace {

constexpr unsigned char kHandshakeRecord = SSL3_RT_HANDSHAKE;
// Of a connection's life. New keys are due once in 2^24 records, so nobody honest comes near.
constexpr std::uint32_t kMostLaterMessages = 1000;
constexpr std::size_t kRecord = 16384;
constexpr std::size_t kRecordOverhead = 64;  // at most, of what we encrypt with

bool is_letter(unsigned char byte) {
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

bool is_about_certificate(int reason) {
    return reason == SSL_R_CERTIFICATE_VERIFY_FAILED ||
           reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE;
}

// To clear what is clear costs as much as a small record's encryption.
void forget_errors() {
    if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

Session::Session(Store& store, std::uint32_t listener)
    : store_(store),
      handshake_(new Handshake{store, listener, {}, {}, 0, false}),
      channel_(std::make_unique<Channel>()) {
    const auto context = store.of_listener(listener);
    MEW_CHECK(context != nullptr);
    ssl_ = SSL_new(context->ctx.get());
    MEW_CHECK(ssl_ != nullptr);  // out of memory
    attach(ssl_, *handshake_);
    BIO* const bio = make_bio(*channel_).release();
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_accept_state(ssl_);
    early_over_ = !store.settings().early_data;
}

Session::~Session() { SSL_free(ssl_); }

// A record of TLS begins with its kind, and the first one is a handshake's.
bool Session::is_tls(std::string_view first) {
    if (looked_at_) return true;
    looked_at_ = true;
    const auto byte = static_cast<unsigned char>(first.front());
    if (byte == kHandshakeRecord) return true;
    if (is_letter(byte))
        fail(Failure::plain_http, "plain HTTP came to a port that speaks HTTPS");
    else
        fail(Failure::not_tls, "what came is no TLS");
    return false;
}

State Session::receive(std::string_view cipher_in, std::string& plain, std::string& cipher) {
    if (state_ == State::closed || state_ == State::failed || cipher_in.empty()) return state_;
    if (!is_tls(cipher_in)) return state_;
    channel_->in = cipher_in;
    channel_->out = &cipher;
    forget_errors();
    if (state_ == State::handshaking) shake_hands(plain);
    if (state_ == State::open) read_records(plain);
    *channel_ = {};
    store_.buffers().keep(warm_, ssl_);
    return state_;
}

void Session::shake_hands(std::string& plain) {
    if (!early_over_ && !take_early_data(plain)) return;
    const int result = SSL_do_handshake(ssl_);
    if (result != 1) return fail(result);
    state_ = State::open;
    early_ = false;
    handshake_->over = true;
}

// Drives the handshake too, for as long as early data may come. False: there is no more to read
// now.
bool Session::take_early_data(std::string& plain) {
    auto& scratch = store_.scratch();
    for (;;) {
        std::size_t size = 0;
        const int result = SSL_read_early_data(ssl_, scratch.data(), scratch.size(), &size);
        plain.append(scratch.data(), size);
        if (size != 0) early_ = had_early_ = true;
        if (result == SSL_READ_EARLY_DATA_ERROR) {
            fail(0);
            return false;
        }
        if (result == SSL_READ_EARLY_DATA_FINISH) break;
    }
    early_over_ = true;
    return true;
}

void Session::read_records(std::string& plain) {
    auto& scratch = store_.scratch();
    std::size_t size = 0;
    while (SSL_read_ex(ssl_, scratch.data(), scratch.size(), &size) == 1) {
        plain.append(scratch.data(), size);
        if (handshake_->later_messages > kMostLaterMessages) break;
        // To ask once more only to hear that there is nothing costs as much as a record.
        if (channel_->in.empty() && SSL_has_pending(ssl_) == 0) return;
    }
    if (handshake_->later_messages > kMostLaterMessages)
        return fail(Failure::record, "the client asks for new keys again and again");
    if (SSL_get_error(ssl_, 0) == SSL_ERROR_ZERO_RETURN)
        state_ = State::closed;
    else
        fail(0);
}

void Session::send(std::string_view plain, std::string& cipher) {
    const bool early = state_ == State::handshaking && early_;
    store_.buffers().keep(warm_, ssl_);
    if (plain.empty() || (state_ != State::open && state_ != State::closed && !early)) return;
    cipher.reserve(cipher.size() + plain.size() + (plain.size() / kRecord + 1) * kRecordOverhead);
    channel_->out = &cipher;
    forget_errors();
    std::size_t written = 0;
    const int result = early ? SSL_write_early_data(ssl_, plain.data(), plain.size(), &written)
                             : SSL_write_ex(ssl_, plain.data(), plain.size(), &written);
    channel_->out = nullptr;
    if (result != 1) fail(Failure::record, "an answer cannot be encrypted: " + take_error());
}

void Session::shutdown(std::string& cipher) {
    if (state_ != State::open && state_ != State::closed) return;
    channel_->out = &cipher;
    forget_errors();
    (void)SSL_shutdown(ssl_);  // says whether the peer's came, which is of no interest
    channel_->out = nullptr;
}

void Session::fail(int result) {
    const int error = SSL_get_error(ssl_, result);
    if (error == SSL_ERROR_WANT_READ) return;
    // The last one is what TLS makes of it, those before say how it came about.
    const unsigned long last = ERR_peek_last_error();
    const int reason = ERR_GET_REASON(last);
    const bool shaking = state_ == State::handshaking;
    if (error == SSL_ERROR_ZERO_RETURN)
        return fail(Failure::handshake, "the client went away in the middle of the handshake");
    if (is_about_certificate(reason)) {
        const char* const why = X509_verify_cert_error_string(SSL_get_verify_result(ssl_));
        std::string text = reason == SSL_R_CERTIFICATE_VERIFY_FAILED
                               ? base::format("the client's certificate is refused: {}", why)
                               : "the client sent no certificate";
        return fail(Failure::certificate, std::move(text));
    }
    const char* const words = ERR_reason_error_string(last);
    const std::string text = words != nullptr ? words : "unknown error";
    if (shaking) return fail(Failure::handshake, "the TLS handshake failed: " + text);
    fail(Failure::record, "what came over TLS cannot be read: " + text);
}

void Session::fail(Failure failure, std::string text) {
    ERR_clear_error();
    state_ = State::failed;
    failure_ = failure;
    failure_text_ = std::move(text);
}

std::string_view Session::alpn() const {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string_view Session::server_name() const { return handshake_->server_name; }

std::string_view Session::protocol() const { return SSL_get_version(ssl_); }

std::string_view Session::cipher() const { return SSL_get_cipher_name(ssl_); }

int Session::cipher_bits() const { return SSL_get_cipher_bits(ssl_, nullptr); }

bool Session::resumed() const { return SSL_session_reused(ssl_) == 1; }

std::string_view Session::verify() const {
    return SSL_get0_peer_certificate(ssl_) != nullptr ? "SUCCESS" : "NONE";
}

std::optional<ClientCertificate> Session::client_certificate() const {
    const X509* const certificate = SSL_get0_peer_certificate(ssl_);
    if (certificate == nullptr) return std::nullopt;
    return describe(*certificate);
}

}  // namespace mew::tls
