#include "gateway/packet_codec.h"

#include <algorithm>

#include "http/response_text.h"

namespace mew::gateway {

using http::StreamEvents;
using http::StreamId;

bool looks_like_http(std::string_view bytes) {
    // "GET /", "POST", "PRI " of HTTP/2; methods of three letters and more.
    const auto is_letter = [](char c) { return c >= 'A' && c <= 'Z'; };
    return bytes.size() >= 4 && is_letter(bytes[0]) && is_letter(bytes[1]) && is_letter(bytes[2]) &&
           (is_letter(bytes[3]) || bytes[3] == ' ');
}

bool looks_like_tls(std::string_view bytes) {
    return bytes.size() >= 2 && bytes[0] == '\x16' && bytes[1] == '\x03';
}

bool PacketCodec::decode_packet(std::string_view bytes, std::size_t& used, StreamEvents& events) {
    if (!begun_) builder_.begin(head_);
    begun_ = true;
    std::size_t size = 0;
    const Outcome outcome = take_packet(bytes, size);
    if (outcome == Outcome::more) return false;
    begun_ = false;
    used += size;
    if (outcome == Outcome::reply || outcome == Outcome::last) {
        if (outcome == Outcome::last) state_ = State::failed;
        events.on_reply(reply_, outcome == Outcome::last);
        return outcome == Outcome::reply;
    }
    ++stream_;
    answer_ended_ = closes_ = head_request_ = false;
    if (outcome == Outcome::refused) {
        state_ = State::failed;
        events.on_refusal(stream_, refusal_);
        return false;
    }
    head_request_ = head_.method() == "HEAD";
    head_.keep_alive = kept_;
    body_left_ = head_.content_length;
    state_ = State::body;
    events.on_head(stream_, head_);
    if (body_left_ == 0) end_of_body(events);
    return true;
}

bool PacketCodec::decode_body(std::string_view bytes, std::size_t& used, StreamEvents& events) {
    if (bytes.empty()) return false;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, bytes.size()));
    body_left_ -= size;
    used += size;
    events.on_body(stream_, bytes.substr(0, size));
    if (body_left_ == 0 && state_ == State::body) end_of_body(events);
    return true;
}

void PacketCodec::end_of_body(StreamEvents& events) {
    state_ = answer_ended_ ? after_answer() : State::answering;
    events.on_body_end(stream_);
}

std::size_t PacketCodec::decode(std::string_view bytes, StreamEvents& events) {
    std::size_t used = 0;
    for (bool progress = true; progress;) {
        const std::string_view rest = bytes.substr(used);
        switch (state_) {
            case State::head:
                if (rest.empty()) return used;
                progress = decode_packet(rest, used, events);
                break;
            case State::body:
                progress = decode_body(rest, used, events);
                break;
            case State::answering:
                return used;
            case State::failed:
                return bytes.size();  // never a request again
        }
    }
    return state_ == State::failed ? bytes.size() : used;
}

http::BodyPlan PacketCodec::encode_head(StreamId, const http::ResponseHead& head, bool close_after,
                                        std::string& out) {
    http::BodyPlan plan;
    plan.has_body = http::status_has_body(head.status) && !head_request_;
    const auto length = head.content_length ? head.content_length : head.implied_length;
    if (plan.has_body && length) plan.length = *length;
    plan.ends_by_close = plan.has_body && !length;
    closes_ = plan.closes = !kept_ || close_after || plan.ends_by_close;
    http::HeadWriter writer(out, head);
    writer.put(status_line_).put_status(head).put("\r\n").put_headers(head).put("\r\n").end();
    return plan;
}

void PacketCodec::encode_end(StreamId, std::string&) {
    if (state_ == State::answering) {
        state_ = after_answer();
    } else {
        answer_ended_ = true;
    }
}

bool PacketCodec::encode_abort(StreamId, std::string&) {
    state_ = State::failed;
    return true;
}

}  // namespace mew::gateway
