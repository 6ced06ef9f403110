#pragma once
// TLS of one connection, sans-I/O: bytes of the peer in, bytes of the client's request out, and the
// other way. Knows no socket, no loop, no clock: whoever owns the connection limits how long a
// handshake may last, and how much may be waiting to be sent.
//
//   receive   all of what came is taken; what it means is appended to `plain`, and what the
//             protocol answers by itself (handshake, alerts, new tickets) to `cipher`, which is to
//             be sent whatever the state is
//   send      appends records of at most 16 KiB to `cipher`; nothing is held back
//   shutdown  appends our close_notify: before the end of the connection, or the client cannot tell
//             a whole answer from one that was cut
//
// An idle session takes at most 24 KiB, buffers of OpenSSL included (session_memory_test).

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tls/client_certificate.h"
#include "tls/warm_buffers.h"

struct ssl_st;

namespace mew::tls {

class Store;
struct Handshake;
struct Channel;

enum class State : std::uint8_t {
    handshaking,
    open,
    closed,  // the peer sent close_notify: nothing more comes; an answer may still be sent
    failed,  // see failure(); only what is in `cipher` already may still be sent
};

enum class Failure : std::uint8_t {
    none,
    plain_http,   // the first byte is a letter: HTTP, answer in cleartext; nothing was encrypted
    not_tls,      // the first byte is none of TLS's
    certificate,  // the client's is missing, or not to be trusted
    handshake,    // no common version, cipher or protocol, the client gave up, ...
    record,       // after the handshake: bytes that do not decrypt, too many new keys, ...
};

class Session final {
public:
    // `listener`: one of those that the store serves.
    Session(Store& store, std::uint32_t listener);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Of a session that is closed or failed: takes the bytes and does nothing.
    State receive(std::string_view cipher_in, std::string& plain, std::string& cipher);
    // Only while open or closed; and, with early data, before the handshake is over.
    void send(std::string_view plain, std::string& cipher);
    void shutdown(std::string& cipher);

    State state() const { return state_; }
    // Settings::early_data: what was received so far may be a replay. Ends with the handshake; what
    // came before it is then the client's for sure.
    bool in_early_data() const { return early_; }
    // Was any of what was received sent before the handshake was over? (Early-Data: 1, RFC 8470)
    bool had_early_data() const { return had_early_; }

    // Why it failed, and a sentence about it for the log.
    Failure failure() const { return failure_; }
    const std::string& failure_text() const { return failure_text_; }

    // From here on: of a session that is open or was. Texts live as long as the session.
    std::string_view alpn() const;         // "h2", "http/1.1", "http/1.0"; empty: not negotiated
    std::string_view server_name() const;  // lower case; empty: the client named none
    std::string_view protocol() const;     // "TLSv1.3", "TLSv1.2"
    std::string_view cipher() const;       // OpenSSL's name
    int cipher_bits() const;
    bool resumed() const;

    // "SUCCESS", or "NONE" where the client sent no certificate or was not asked for one. One that
    // is not to be trusted fails the handshake (Failure::certificate), required or not.
    std::string_view verify() const;
    std::optional<ClientCertificate> client_certificate() const;

private:
    void shake_hands(std::string& plain);
    bool take_early_data(std::string& plain);
    void read_records(std::string& plain);
    bool is_tls(std::string_view first);
    void fail(int result);
    void fail(Failure failure, std::string text);

    Store& store_;
    std::unique_ptr<Handshake> handshake_;
    std::unique_ptr<Channel> channel_;
    ssl_st* ssl_ = nullptr;
    WarmBuffers::Place warm_;
    State state_ = State::handshaking;
    Failure failure_ = Failure::none;
    bool looked_at_ = false;  // the first byte
    bool early_ = false;
    bool had_early_ = false;
    bool early_over_ = false;
    std::string failure_text_;
};

}  // namespace mew::tls
