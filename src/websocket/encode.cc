// Messages to frames. A message is one frame: who sends it has it whole.
#include "base/check.h"
#include "websocket/codec.h"
#include "websocket/deflate.h"

namespace mew::websocket {
namespace {

constexpr Opcode opcode_of(Kind kind) { return kind == Kind::text ? Opcode::text : Opcode::binary; }

}  // namespace

void Codec::encode_message(Kind kind, std::string_view message, std::string& out) {
    if (state_ != State::open) return;
    if (settings_.deflate && message.size() >= settings_.deflate_from) {
        const std::string_view shorter = deflate_message(message, settings_.deflate->window_bits);
        if (!shorter.empty()) {
            append_frame(opcode_of(kind), true, shorter, out);
            return trim_deflate_memory();
        }
    }
    append_frame(opcode_of(kind), false, message, out);
}

void Codec::encode_message_head(Kind kind, std::uint64_t size, std::string& out) const {
    MEW_CHECK(settings_.role == Role::server);
    if (state_ == State::open) append_frame_head(opcode_of(kind), false, size, nullptr, out);
}

void Codec::encode_ping(std::string_view payload, std::string& out) {
    MEW_CHECK(payload.size() <= kMostControlBytes);
    if (state_ == State::open) append_frame(Opcode::ping, false, payload, out);
}

void Codec::encode_pong(std::string_view payload, std::string& out) {
    MEW_CHECK(payload.size() <= kMostControlBytes);
    if (state_ == State::open) append_frame(Opcode::pong, false, payload, out);
}

void Codec::encode_close(std::uint16_t code, std::string_view reason, std::string& out) {
    if (state_ != State::open) return;
    std::string payload;
    if (code != close_code::kNone) {
        payload.push_back(static_cast<char>(code >> 8));
        payload.push_back(static_cast<char>(code & 255));
        payload.append(cut_utf8(reason, kMostControlBytes - 2));
    }
    append_frame(Opcode::close, false, payload, out);
    state_ = State::closing;
}

void Codec::append_frame(Opcode opcode, bool compressed, std::string_view payload,
                         std::string& out) {
    if (settings_.role == Role::server) {
        append_frame_head(opcode, compressed, payload.size(), nullptr, out);
        out.append(payload);
        return;
    }
    // RFC 6455 5.3 asks for keys that no script can foresee; our clients are tests and loads.
    MaskKey key;
    for (std::uint8_t& byte : key) {
        mask_state_ = mask_state_ * 1664525 + 1013904223;
        byte = static_cast<std::uint8_t>(mask_state_ >> 24);
    }
    append_frame_head(opcode, compressed, payload.size(), &key, out);
    out.append(payload);
    apply_mask(out.data() + out.size() - payload.size(), payload.size(), key);
}

}  // namespace mew::websocket
