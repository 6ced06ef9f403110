#pragma once
// One WebSocket behind its opening handshake (RFC 6455), with permessage-deflate where the
// handshake agreed on it (RFC 7692). Sans-I/O: bytes in, events and bytes out. Runs in workers
// only; who drives it owns the socket, the buffers, pings and time limits.
//
// All bytes that arrive are taken at once, so a connection between two messages holds no buffer: a
// codec is then its own size and nothing else. A message that lies whole in what arrived is handed
// out from there; only what is cut is collected.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "websocket/extension.h"
#include "websocket/frame.h"
#include "websocket/utf8.h"

namespace mew::websocket {

enum class Role : std::uint8_t { server, client };
enum class Kind : std::uint8_t { text, binary };

// RFC 6455 7.4.1 and IANA's registry.
namespace close_code {
inline constexpr std::uint16_t kNormal = 1000;
inline constexpr std::uint16_t kGoingAway = 1001;
inline constexpr std::uint16_t kProtocolError = 1002;
inline constexpr std::uint16_t kNone = 1005;      // a close frame without a code; never on the wire
inline constexpr std::uint16_t kAbnormal = 1006;  // no close frame came; never on the wire
inline constexpr std::uint16_t kInvalidData = 1007;
inline constexpr std::uint16_t kTooLarge = 1009;
inline constexpr std::uint16_t kInternalError = 1011;
inline constexpr std::uint16_t kServiceRestart = 1012;
// May it stand in a close frame?
bool is_valid(std::uint16_t code);
}  // namespace close_code

struct Settings {
    Role role = Role::server;
    // Of a message, before and after inflating; at most kMostDeflated with `deflate`.
    std::size_t message_bytes = std::size_t{16} << 20;
    std::optional<Deflate> deflate;   // what the handshake agreed on
    std::size_t deflate_from = 1024;  // shorter messages go as they are
};

// Why a connection is failed (RFC 6455 7.1.7): a code of 1002, 1007 or 1009, and a static text.
struct Failure {
    std::uint16_t code = close_code::kProtocolError;
    std::string_view reason;
};

// Text is borrowed until the call returns. A handler must not decode on the same thread meanwhile,
// another codec neither: inflated messages share one piece of memory (deflate.h).
class Events {
public:
    virtual void on_message(Kind kind, std::string_view message) = 0;
    // Its pong is encoded already.
    virtual void on_ping(std::string_view /*payload*/) {}
    virtual void on_pong(std::string_view /*payload*/) {}
    // The peer's close frame; its answer is encoded already, where one was due.
    virtual void on_close(std::uint16_t code, std::string_view reason) = 0;
    // The peer broke a rule or a bound; a close frame that says so is encoded already.
    virtual void on_failure(const Failure& failure) = 0;

protected:
    ~Events() = default;
};

class Codec {
public:
    enum class State : std::uint8_t {
        open,
        closing,  // our close frame is out: nothing may follow it, the peer's is waited for
        closed    // both are, or the connection failed: what comes is dropped
    };

    explicit Codec(const Settings& settings);
    Codec(const Codec&) = delete;
    Codec& operator=(const Codec&) = delete;
    ~Codec();

    // Decodes `bytes`, unmasking them in place, and appends to `out` what must be sent for them:
    // no more bytes than came, but for one close frame. Returns how many it is done with: all,
    // unless pause() was called.
    std::size_t decode(char* bytes, std::size_t size, Events& events, std::string& out);
    // Called from an event: decode() returns behind it, and the rest must be presented again.
    void pause() { paused_ = true; }
    // Called from on_message(), or before decode(): an end (close or failure) that follows in the
    // same bytes is told by the next call of decode() only, which needs no bytes for it, so that
    // the message may be answered first. Nothing that comes behind such an end counts.
    void hold_end() { holds_ = true; }
    bool holds_end() const { return held_ != nullptr; }

    // Each appends a frame; nothing once the state is not `open`. Text must be UTF-8.
    void encode_message(Kind kind, std::string_view message, std::string& out);
    // The head only, of a message of `size` bytes which the driver sends behind it: for large ones,
    // uncompressed. Server only.
    void encode_message_head(Kind kind, std::uint64_t size, std::string& out) const;
    // At most kMostControlBytes.
    void encode_ping(std::string_view payload, std::string& out);
    void encode_pong(std::string_view payload, std::string& out);
    // kNone: without a code. What is too long of `reason` (UTF-8) is cut off.
    void encode_close(std::uint16_t code, std::string_view reason, std::string& out);

    State state() const { return state_; }
    // Has a message begun that is not complete?
    bool inside_message() const { return kind_.has_value() || head_size_ != 0 || in_frame_; }

private:
    struct Turn;  // what one call of decode() was given
    struct HeldEnd;

    std::size_t take_head(const char* bytes, std::size_t size, Turn& turn);
    void begin_frame(Turn& turn);
    std::optional<Failure> judge_head() const;
    std::optional<Failure> judge_data_head() const;
    std::size_t take_payload(char* bytes, std::size_t size, Turn& turn);
    void take_control(std::string_view piece, Turn& turn);
    void take_data(std::string_view piece, Turn& turn);
    void end_control(std::string_view payload, Turn& turn);
    void end_message(std::string_view payload, Turn& turn);
    void take_close(std::string_view payload, Turn& turn);
    void end_by_close(std::uint16_t code, std::string_view reason, Turn& turn);
    void tell_held_end(Turn& turn);
    void fail(const Failure& failure, Turn& turn);
    void forget_message();
    std::size_t most_payload(bool compressed) const;
    void append_frame(Opcode opcode, bool compressed, std::string_view payload, std::string& out);

    Settings settings_;
    State state_ = State::open;
    bool paused_ = false;
    bool holds_ = false;     // hold_end() was called; for one call of decode()
    bool in_frame_ = false;  // its head is complete
    bool message_compressed_ = false;
    std::uint8_t head_size_ = 0;  // bytes of head_ that have come
    std::array<std::uint8_t, kLongestFrameHead> head_{};
    std::optional<Kind> kind_;  // of the message that has begun
    Utf8 utf8_;                 // of it, if it is text
    FrameHead frame_;
    std::uint64_t missing_ = 0;  // bytes of the frame's payload
    std::string message_;        // what has come of it, as far as it was cut
    std::string control_;        // the same of a control frame
    std::unique_ptr<HeldEnd> held_;
    std::uint32_t mask_state_ = 0x9e3779b9;  // of a client's keys
};

}  // namespace mew::websocket
