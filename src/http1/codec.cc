#include "http1/codec.h"

#include <algorithm>
#include <ctime>

#include "http/date.h"
#include "http/grammar.h"
#include "http/response_text.h"
#include "http/status.h"
#include "http/trailer.h"

namespace mew::http1 {

using http::StreamEvents;
using http::StreamId;

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
    takes_trailers_ = std::ranges::any_of(head_.fields(), [this](const http::FieldSlices& field) {
        return field.id == http::FieldName::te &&
               http::list_contains(head_.value(field), "trailers");
    });
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

    http::HeadWriter writer(out, head);
    writer.put("HTTP/1.1 ").put_status(head).put("\r\n").put_headers(head);
    if (!head.has_server) writer.put("Server: mewsgi\r\n");
    if (!head.has_date) writer.put_header("Date", http::date_text(std::time(nullptr)));
    if (chunked_answer_) writer.put("Transfer-Encoding: chunked\r\n");
    if (plan.closes) {
        writer.put("Connection: close\r\n");
    } else if (http10_) {
        writer.put("Connection: keep-alive\r\n");
    }
    writer.put("\r\n").end();
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

void Codec::encode_trailers(StreamId, const http::ResponseHead& fields) {
    trailers_.clear();
    if (!chunked_answer_ || !takes_trailers_) return;
    for (const http::Header& field : fields.headers) {
        if (field.dropped || http::is_forbidden_trailer(field.id)) continue;
        trailers_.append(field.name).append(": ").append(field.value).append("\r\n");
    }
}

void Codec::encode_end(StreamId, std::string& out) {
    if (chunked_answer_) {
        out.append("0\r\n").append(trailers_).append("\r\n");
        trailers_.clear();
    }
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
