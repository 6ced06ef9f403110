// Frames to events. The rules that a frame's head breaks are found before its payload comes; those
// of text as soon as a byte is wrong.
#include "websocket/codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/give_back.h"
#include "websocket/deflate.h"

namespace mew::websocket {

bool close_code::is_valid(std::uint16_t code) {
    if (code >= 3000) return code <= 4999;
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

struct Codec::Turn {
    Events& events;
    std::string& out;
};

// An end that is still to be told.
struct Codec::HeldEnd {
    std::optional<Failure> failure;  // nothing: it is the peer's close
    std::uint16_t code;
    std::string reason;
};

Codec::Codec(const Settings& settings) : settings_(settings) {}
Codec::~Codec() = default;

std::size_t Codec::decode(char* bytes, std::size_t size, Events& events, std::string& out) {
    Turn turn{events, out};
    paused_ = false;
    if (held_) {
        holds_ = false;
        tell_held_end(turn);
        return size;
    }
    std::size_t done = 0;
    while (done < size && state_ != State::closed && !paused_) {
        char* const at = bytes + done;
        done += in_frame_ ? take_payload(at, size - done, turn) : take_head(at, size - done, turn);
    }
    holds_ = false;
    return state_ == State::closed ? size : done;
}

std::size_t Codec::take_head(const char* bytes, std::size_t size, Turn& turn) {
    std::size_t taken = 0;
    const auto take = [&](std::size_t wanted) {
        const std::size_t count = std::min(wanted - head_size_, size - taken);
        std::memcpy(head_.data() + head_size_, bytes + taken, count);
        head_size_ = static_cast<std::uint8_t>(head_size_ + count);
        taken += count;
        return head_size_ == wanted;
    };
    if (head_size_ < 2 && !take(2)) return taken;
    if (head_size_ < frame_head_size(head_[1]) && !take(frame_head_size(head_[1]))) return taken;
    frame_ = read_frame_head(head_.data());
    head_size_ = 0;
    begin_frame(turn);
    return taken;
}

void Codec::begin_frame(Turn& turn) {
    if (const auto failure = judge_head()) return fail(*failure, turn);
    in_frame_ = true;
    missing_ = frame_.length;
    if (!frame_.is_control() && !kind_) {
        kind_ = frame_.opcode == static_cast<int>(Opcode::text) ? Kind::text : Kind::binary;
        message_compressed_ = frame_.compressed;
    }
    if (missing_ == 0) take_payload(nullptr, 0, turn);
}

// RFC 6455 5.2, 5.4 and 5.5.
std::optional<Failure> Codec::judge_head() const {
    const auto broken = [](std::string_view reason) {
        return Failure{close_code::kProtocolError, reason};
    };
    if (frame_.reserved) return broken("reserved bits are set");
    if (!frame_.is_known()) return broken("reserved opcode");
    if (frame_.masked != (settings_.role == Role::server)) {
        return broken(frame_.masked ? "frame of a server is masked" : "frame is not masked");
    }
    if (!frame_.minimal || frame_.length >> 63 != 0) return broken("malformed length of a frame");
    if (!frame_.is_control()) return judge_data_head();
    if (!frame_.final) return broken("control frame is fragmented");
    if (frame_.length > kMostControlBytes) return broken("control frame is too long");
    if (frame_.compressed) return broken("control frame is compressed");
    return std::nullopt;
}

std::optional<Failure> Codec::judge_data_head() const {
    const bool continues = frame_.opcode == static_cast<int>(Opcode::continuation);
    if (continues != kind_.has_value()) {
        return Failure{close_code::kProtocolError,
                       continues ? "continuation of no message" : "message inside a message"};
    }
    if (frame_.compressed && (continues || !settings_.deflate)) {
        return Failure{close_code::kProtocolError, "RSV1 is set where nothing may be compressed"};
    }
    const bool compressed = continues ? message_compressed_ : frame_.compressed;
    const std::size_t most = most_payload(compressed);
    // message_ is never longer than `most`.
    if (frame_.length > most - message_.size()) {
        return Failure{close_code::kTooLarge, "message is too large"};
    }
    return std::nullopt;
}

// Deflate makes what it cannot compress longer, by 5 bytes in some 16 KiB.
std::size_t Codec::most_payload(bool compressed) const {
    if (!compressed) return settings_.message_bytes;
    const std::size_t most = std::min(settings_.message_bytes, kMostDeflated);
    return most + most / 1024 + 64;
}

std::size_t Codec::take_payload(char* bytes, std::size_t size, Turn& turn) {
    const std::size_t count = std::min<std::uint64_t>(size, missing_);
    if (frame_.masked && count != 0) frame_.key = apply_mask(bytes, count, frame_.key);
    missing_ -= count;
    in_frame_ = missing_ != 0;
    const std::string_view piece(bytes, count);
    if (frame_.is_control()) {
        take_control(piece, turn);
    } else {
        take_data(piece, turn);
    }
    return count;
}

void Codec::take_control(std::string_view piece, Turn& turn) {
    if (in_frame_) {
        control_.append(piece);
    } else if (control_.empty()) {
        end_control(piece, turn);
    } else {
        control_.append(piece);
        const std::string payload = std::move(control_);
        base::give_back(control_);
        end_control(payload, turn);
    }
}

void Codec::end_control(std::string_view payload, Turn& turn) {
    switch (static_cast<Opcode>(frame_.opcode)) {
        case Opcode::ping:
            encode_pong(payload, turn.out);
            return turn.events.on_ping(payload);
        case Opcode::pong:
            return turn.events.on_pong(payload);
        default:
            return take_close(payload, turn);
    }
}

// RFC 6455 5.5.1: answered with the same code.
void Codec::take_close(std::string_view payload, Turn& turn) {
    std::uint16_t code = close_code::kNone;
    std::string_view reason;
    if (payload.size() == 1) {
        return fail({close_code::kProtocolError, "close frame of one byte"}, turn);
    }
    if (payload.size() >= 2) {
        code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(payload[0]) << 8 |
                                          static_cast<std::uint8_t>(payload[1]));
        reason = payload.substr(2);
        if (!close_code::is_valid(code)) {
            return fail({close_code::kProtocolError, "invalid close code"}, turn);
        }
        if (!is_utf8(reason)) {
            return fail({close_code::kInvalidData, "reason of a close is not UTF-8"}, turn);
        }
    }
    end_by_close(code, reason, turn);
}

void Codec::end_by_close(std::uint16_t code, std::string_view reason, Turn& turn) {
    if (holds_) {
        held_.reset(new HeldEnd{std::nullopt, code, std::string(reason)});
        paused_ = true;
        return;
    }
    encode_close(code, {}, turn.out);
    state_ = State::closed;
    forget_message();
    turn.events.on_close(code, reason);
}

void Codec::tell_held_end(Turn& turn) {
    const std::unique_ptr<HeldEnd> end = std::move(held_);
    if (end->failure) return fail(*end->failure, turn);
    end_by_close(end->code, end->reason, turn);
}

void Codec::take_data(std::string_view piece, Turn& turn) {
    const bool ends = frame_.final && !in_frame_;
    if (state_ == State::closing) {  // nobody is left to hear it
        if (ends) forget_message();
        return;
    }
    const bool plain_text = kind_ == Kind::text && !message_compressed_;
    if (plain_text && (!utf8_.take(piece) || (ends && !utf8_.complete()))) {
        return fail({close_code::kInvalidData, "text is not UTF-8"}, turn);
    }
    if (!ends) {
        message_.append(piece);
    } else if (message_.empty()) {
        end_message(piece, turn);
    } else {
        message_.append(piece);
        const std::string payload = std::move(message_);
        end_message(payload, turn);
    }
}

void Codec::end_message(std::string_view payload, Turn& turn) {
    const Kind kind = *kind_;
    const bool compressed = message_compressed_;
    forget_message();
    if (!compressed) return turn.events.on_message(kind, payload);
    const Inflated inflated = inflate_message(payload, settings_.message_bytes);
    if (inflated.outcome == Inflated::Outcome::too_large) {
        fail({close_code::kTooLarge, "message is too large"}, turn);
    } else if (inflated.outcome == Inflated::Outcome::malformed) {
        fail({close_code::kInvalidData, "compressed message is malformed"}, turn);
    } else if (kind == Kind::text && !is_utf8(inflated.message)) {
        fail({close_code::kInvalidData, "text is not UTF-8"}, turn);
    } else {
        turn.events.on_message(kind, inflated.message);
    }
    trim_deflate_memory();
}

void Codec::fail(const Failure& failure, Turn& turn) {
    if (holds_) {
        held_.reset(new HeldEnd{failure, failure.code, {}});
        paused_ = true;
        return;
    }
    encode_close(failure.code, failure.reason, turn.out);
    state_ = State::closed;
    forget_message();
    base::give_back(control_);
    turn.events.on_failure(failure);
}

void Codec::forget_message() {
    kind_.reset();
    utf8_.reset();
    base::give_back(message_);
}

}  // namespace mew::websocket
