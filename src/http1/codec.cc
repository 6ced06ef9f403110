#include "http1/codec.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/check.h"
#include "http/date.h"
#include "http/status.h"

namespace mew::http1 {

using http::StreamEvents;
using http::StreamId;

namespace {

void append_number(std::string& out, std::uint64_t number, int base = 10) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
    out.append(digits, end);
}

// Fills memory that is known to suffice: growing a string part by part costs more than the parts.
class Writer {
public:
    explicit Writer(char* at) : at_(at) {}
    void put(std::string_view text) {
        if (text.empty()) return;
        std::memcpy(at_, text.data(), text.size());
        at_ += text.size();
    }
    void put(std::uint64_t number) { at_ = std::to_chars(at_, at_ + kMostDigits, number).ptr; }
    void put_header(std::string_view name, std::string_view value) {
        put(name);
        put(": ");
        put(value);
        put("\r\n");
    }
    const char* at() const { return at_; }

    static constexpr std::size_t kMostDigits = 20;

private:
    char* at_;
};

// Bytes of everything that the app did not give, with room to spare.
constexpr std::size_t kOwnPart = 256;

std::size_t most_bytes(const http::ResponseHead& head) {
    std::size_t size = kOwnPart + head.reason.size();
    for (const http::Header& header : head.headers) {
        size += header.name.size() + header.value.size() + 4;
    }
    return size;
}

void put_status_line(Writer& out, const http::ResponseHead& head) {
    if (head.status == 200 && (head.reason.empty() || head.reason == "OK")) {
        return out.put("HTTP/1.1 200 OK\r\n");
    }
    out.put("HTTP/1.1 ");
    out.put(static_cast<std::uint64_t>(head.status));
    out.put(" ");
    out.put(head.reason.empty() ? http::reason_phrase(head.status) : head.reason);
    out.put("\r\n");
}

void put_headers(Writer& out, const http::ResponseHead& head) {
    for (const http::Header& header : head.headers) {
        if (header.dropped) continue;
        // RFC 9110 8.6: no Content-Length with 204.
        if (header.id == http::FieldName::content_length && head.status == 204) continue;
        out.put_header(header.name, header.value);
    }
    if (!head.content_length && head.implied_length && head.status != 204 && head.status != 304) {
        out.put("Content-Length: ");
        out.put(*head.implied_length);
        out.put("\r\n");
    }
    if (!head.has_server) out.put("Server: mewsgi\r\n");
    if (!head.has_date) out.put_header("Date", http::date_text(std::time(nullptr)));
}

}  // namespace

void Codec::refuse(const http::Refusal& refusal, StreamEvents& events) {
    state_ = State::failed;
    client_keeps_alive_ = false;
    events.on_refusal(stream_, refusal);
}

void Codec::end_of_body(StreamEvents& events) {
    state_ = answer_ended_ ? after_answer() : State::answering;
    events.on_body_end(stream_);
}

bool Codec::decode_head(std::string_view bytes, std::size_t& used, StreamEvents& events) {
    if (!head_parser_.begun()) head_.clear();
    const auto outcome = head_parser_.parse(bytes, head_);
    if (outcome == HeadParser::Outcome::more) return false;
    ++stream_;
    answer_ended_ = closes_ = false;
    // A refused request is answered in its own way too, where that much could be read.
    const http::Slice method = head_.method_slice;
    head_request_ = bytes.substr(method.at, method.size) == "HEAD";
    http10_ = head_.version == http::Version::http10;
    if (outcome == HeadParser::Outcome::refused) {
        refuse(head_parser_.refusal(), events);
        return false;
    }
    used += head_parser_.size();
    head_parser_.reset();
    client_keeps_alive_ = head_.keep_alive;
    body_left_ = head_.content_length;
    if (head_.framing == http::BodyFraming::chunked) {
        chunk_parser_.reset();
        state_ = State::body_chunked;
    } else {
        state_ = State::body_length;
    }
    events.on_head(stream_, head_);
    if (state_ == State::body_length && body_left_ == 0) end_of_body(events);
    return true;
}

bool Codec::decode_length(std::string_view bytes, std::size_t& used, StreamEvents& events) {
    if (bytes.empty()) return false;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(body_left_, bytes.size()));
    body_left_ -= size;
    used += size;
    events.on_body(stream_, bytes.substr(0, size));
    if (body_left_ == 0 && state_ == State::body_length) end_of_body(events);
    return true;
}

bool Codec::decode_chunk(std::string_view bytes, std::size_t& used, StreamEvents& events) {
    const ChunkParser::Step step = chunk_parser_.parse(bytes);
    used += step.used;
    switch (step.outcome) {
        case ChunkParser::Outcome::more:
            return false;
        case ChunkParser::Outcome::data:
            if (!step.data.empty()) events.on_body(stream_, step.data);
            return true;
        case ChunkParser::Outcome::complete:
            end_of_body(events);
            return true;
        case ChunkParser::Outcome::refused:
            refuse(chunk_parser_.refusal(), events);
            return false;
    }
    return false;
}

std::size_t Codec::decode(std::string_view bytes, StreamEvents& events) {
    std::size_t used = 0;
    for (bool progress = true; progress;) {
        const std::string_view rest = bytes.substr(used);
        switch (state_) {
            case State::head:
                if (rest.empty()) return used;
                progress = decode_head(rest, used, events);
                break;
            case State::body_length:
                progress = decode_length(rest, used, events);
                break;
            case State::body_chunked:
                progress = decode_chunk(rest, used, events);
                break;
            case State::answering:
                return used;
            case State::failed:
                return bytes.size();  // never a request again
        }
    }
    return state_ == State::failed ? bytes.size() : used;
}

http::BodyPlan Codec::encode_head(StreamId, const http::ResponseHead& head, bool close_after,
                                  std::string& out) {
    http::BodyPlan plan;
    plan.has_body = http::status_has_body(head.status) && !head_request_;
    const auto length = head.content_length ? head.content_length : head.implied_length;
    chunked_answer_ = plan.has_body && !length && !http10_;
    if (plan.has_body && length) plan.length = *length;
    plan.ends_by_close = plan.has_body && !length && http10_;
    closes_ = plan.closes =
        close_after || head.wants_close || !client_keeps_alive_ || plan.ends_by_close;

    const std::size_t before = out.size();
    out.resize(before + most_bytes(head));
    Writer writer(out.data() + before);
    put_status_line(writer, head);
    put_headers(writer, head);
    if (chunked_answer_) writer.put("Transfer-Encoding: chunked\r\n");
    if (plan.closes) {
        writer.put("Connection: close\r\n");
    } else if (http10_) {
        writer.put("Connection: keep-alive\r\n");
    }
    writer.put("\r\n");
    const auto size = static_cast<std::size_t>(writer.at() - out.data());
    MEW_CHECK(size <= out.size());
    out.resize(size);
    return plan;
}

void Codec::encode_continue(StreamId, std::string& out) { out += "HTTP/1.1 100 Continue\r\n\r\n"; }

void Codec::encode_body_prefix(StreamId, std::size_t size, std::string& out) {
    // An empty chunk would end the body.
    chunk_open_ = chunked_answer_ && size != 0;
    if (!chunk_open_) return;
    http::append_number(out, size, 16);
    out += "\r\n";
}

void Codec::encode_body_suffix(StreamId, std::string& out) {
    if (chunk_open_) out += "\r\n";
    chunk_open_ = false;
}

void Codec::encode_end(StreamId, std::string& out) {
    if (chunked_answer_) out += "0\r\n\r\n";
    chunked_answer_ = false;
    if (state_ == State::answering) {
        state_ = after_answer();
    } else {
        answer_ended_ = true;
    }
}

bool Codec::encode_abort(StreamId, std::string&) {
    // Without a last chunk the client sees that the answer was cut (rule 31).
    chunked_answer_ = chunk_open_ = false;
    state_ = State::failed;
    return true;
}

}  // namespace mew::http1
