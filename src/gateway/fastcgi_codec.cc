#include "gateway/fastcgi_codec.h"

#include <algorithm>

#include "gateway/packet_codec.h"

namespace mew::gateway {

using http::BodyFraming;
using http::StreamEvents;

namespace {

constexpr std::uint8_t kVersion = 1;
// Bytes of records that may stand before the end of a head: room for padding and for records that
// are none of ours, not for a head in a thousand crumbs.
std::size_t most_of_head(const http::Limits& limits) {
    return 2 * std::size_t{limits.head_bytes} + 2 * kLargestContent;
}

}  // namespace

std::size_t FastcgiCodec::decode(std::string_view bytes, StreamEvents& events) {
    std::size_t used = 0;
    for (bool progress = true; progress;) {
        const std::string_view rest = bytes.substr(used);
        switch (state_) {
            case State::idle:
            case State::params:
            case State::first_input:
                progress = decode_head(rest, used, events);
                break;
            case State::body:
                progress = decode_body(rest, used, events);
                break;
            case State::answering:
                return used;
            case State::failed:
                return bytes.size();
        }
    }
    return state_ == State::failed ? bytes.size() : used;
}

void FastcgiCodec::refuse(const http::Refusal& refusal, StreamEvents& events) {
    if (state_ != State::body) {
        ++stream_;
        answer_ended_ = closes_ = head_request_ = false;
    }
    state_ = State::failed;
    begun_ = false;
    events.on_refusal(stream_, refusal);
}

void FastcgiCodec::reply(const std::string& bytes, bool ends, StreamEvents& events) {
    if (ends) state_ = State::failed;
    if (ends) begun_ = false;
    events.on_reply(bytes, ends);
}

// True: refused.
bool FastcgiCodec::is_foreign(std::string_view bytes, StreamEvents& events) {
    if (static_cast<std::uint8_t>(bytes[0]) == kVersion) return false;
    const bool first = state_ == State::idle;
    if (first && looks_like_http(bytes)) {
        voice_ = Voice::http;
        refuse({400,
                "HTTP was spoken to a FastCGI port; use http-socket, or fastcgi_pass in "
                "nginx"},
               events);
    } else if (first && looks_like_tls(bytes)) {
        refuse({400, "TLS was spoken to a FastCGI port"}, events);
    } else {
        refuse({400, "a FastCGI record is not of version 1"}, events);
    }
    return true;
}

// One record of a head, or of what stands between requests.
bool FastcgiCodec::decode_head(std::string_view bytes, std::size_t& used, StreamEvents& events) {
    const std::string_view rest = bytes.substr(scanned_);
    if (rest.empty()) return false;
    begun_ = true;
    if (rest.size() < kRecordHeader) return false;
    if (is_foreign(rest, events)) return false;
    const RecordHeader record = read_record_header(rest);
    if (scanned_ + record.whole() > most_of_head(limits_)) {
        refuse({431, "the FastCGI records of the request head are larger than buffer-size allows"},
               events);
        return false;
    }
    if (state_ == State::first_input && record.request == request_ &&
        record.type == RecordType::standard_input && record.content != 0) {
        return decode_first_input(record, used, events);
    }
    if (rest.size() < record.whole()) return false;
    scanned_ += record.whole();
    const std::string_view content = rest.substr(kRecordHeader, record.content);
    if (state_ == State::idle) return decode_idle(record, content, used, events);
    if (record.request != request_ || record.request == 0) {
        take_other(record, content, events);
        return state_ != State::failed;
    }
    if (state_ == State::params) return decode_params(record, content, used, events);
    return decode_first_input(record, used, events);
}

// Each record between requests is done with at once, but for the one that begins a request.
bool FastcgiCodec::decode_idle(const RecordHeader& record, std::string_view content,
                               std::size_t& used, StreamEvents& events) {
    if (record.type == RecordType::begin_request && record.request != 0) {
        begin_request(record.request, content, events);
        if (state_ != State::idle) return state_ == State::params;
    } else {
        take_other(record, content, events);
    }
    used += scanned_;
    scanned_ = 0;
    begun_ = false;
    return true;
}

void FastcgiCodec::begin_request(std::uint16_t request, std::string_view content,
                                 StreamEvents& events) {
    const auto begin = read_begin_request(content);
    if (!begin) {
        return refuse({400, "the FastCGI record that begins a request has not 8 bytes"}, events);
    }
    if (begin->role != kResponder) {
        std::string out;
        append_end_request(out, request, ProtocolStatus::unknown_role);
        return reply(out, !begin->keeps_connection, events);
    }
    request_ = request;
    keeps_ = begin->keeps_connection;
    voice_ = Voice::records;
    state_ = State::params;
    builder_.begin(head_);
}

// What is not about the request in progress.
void FastcgiCodec::take_other(const RecordHeader& record, std::string_view content,
                              StreamEvents& events) {
    std::string out;
    if (record.request == 0) {
        if (record.type == RecordType::get_values) {
            append_values_result(out, content);
        } else {
            append_unknown_type(out, record.type);
        }
    } else if (record.type == RecordType::begin_request) {
        append_end_request(out, record.request, ProtocolStatus::cant_multiplex);
    }
    // Else of a request that was never ours, or is over.
    if (!out.empty()) reply(out, false, events);
}

bool FastcgiCodec::decode_params(const RecordHeader& record, std::string_view content,
                                 std::size_t& used, StreamEvents& events) {
    if (record.type == RecordType::abort_request) {
        std::string out;
        append_end_request(out, request_, ProtocolStatus::request_complete);
        used += scanned_;
        scanned_ = 0;
        begun_ = false;
        state_ = State::idle;
        reply(out, !keeps_, events);
        return state_ == State::idle;
    }
    if (record.type != RecordType::params) {
        refuse({400, "a FastCGI record stands where those of the variables should"}, events);
        return false;
    }
    if (builder_.block().size() + content.size() > limits_.head_bytes) {
        refuse({431, "the variables of the FastCGI request are larger than buffer-size"}, events);
        return false;
    }
    builder_.block().append(content);
    if (!content.empty()) return true;
    end_params(events);
    if (state_ == State::failed) return false;
    if (head_.content_length == 0) {
        state_ = State::first_input;
        return true;
    }
    used += scanned_;
    open_stream(BodyFraming::length, events);
    return true;
}

void FastcgiCodec::end_params(StreamEvents& events) {
    PairReader reader(builder_.block());
    for (;;) {
        http::Slice name;
        http::Slice value;
        switch (reader.next(name, value)) {
            case PairReader::Outcome::pair:
                if (const Step step = builder_.add(name, value)) return refuse(*step, events);
                break;
            case PairReader::Outcome::end:
                if (const Step step = builder_.finish(false)) return refuse(*step, events);
                return;
            case PairReader::Outcome::malformed:
                return refuse({400, "a length in the FastCGI variables points behind their end"},
                              events);
        }
    }
}

// Without a length the input's own end is the body's. Called with the whole record if it is empty.
bool FastcgiCodec::decode_first_input(const RecordHeader& record, std::size_t& used,
                                      StreamEvents& events) {
    if (record.type != RecordType::standard_input) {
        refuse({400, "a FastCGI record stands where the request's body should"}, events);
        return false;
    }
    if (record.content == 0) {
        used += scanned_;
        open_stream(BodyFraming::none, events);
        end_of_body(events);
        return true;
    }
    if (builder_.has_length()) {
        refuse({400, "the body is longer than its CONTENT_LENGTH"}, events);
        return false;
    }
    // Its header is read again by decode_body.
    used += scanned_;
    open_stream(BodyFraming::chunked, events);
    return true;
}

void FastcgiCodec::open_stream(BodyFraming framing, StreamEvents& events) {
    scanned_ = 0;
    begun_ = false;
    ++stream_;
    answer_ended_ = closes_ = false;
    head_request_ = head_.method() == "HEAD";
    head_.framing = framing;
    head_.keep_alive = keeps_;
    content_left_ = padding_left_ = 0;
    body_received_ = 0;
    state_ = State::body;
    events.on_head(stream_, head_);
}

void FastcgiCodec::end_of_body(StreamEvents& events) {
    state_ = answer_ended_ ? after_answer() : State::answering;
    events.on_body_end(stream_);
}

bool FastcgiCodec::decode_body(std::string_view bytes, std::size_t& used, StreamEvents& events) {
    if (bytes.empty()) return false;
    if (content_left_ != 0) return decode_content(bytes, used, events);
    if (padding_left_ != 0) {
        const std::size_t size = std::min(padding_left_, bytes.size());
        padding_left_ -= size;
        used += size;
        return true;
    }
    if (bytes.size() < kRecordHeader) return false;
    if (static_cast<std::uint8_t>(bytes[0]) != kVersion) {
        refuse({400, "a FastCGI record is not of version 1"}, events);
        return false;
    }
    return decode_body_record(read_record_header(bytes), bytes, used, events);
}

bool FastcgiCodec::decode_content(std::string_view bytes, std::size_t& used, StreamEvents& events) {
    const std::size_t size = std::min(content_left_, bytes.size());
    content_left_ -= size;
    used += size;
    events.on_body(stream_, bytes.substr(0, size));
    return state_ == State::body;
}

// By records, before any of their content: the same answer however the bytes were split.
bool FastcgiCodec::check_body_size(StreamEvents& events) {
    if (head_.framing == BodyFraming::length && body_received_ > head_.content_length) {
        refuse({400, "the body is longer than its CONTENT_LENGTH"}, events);
    } else if (limits_.body_bytes != 0 && body_received_ > limits_.body_bytes) {
        refuse({413, "the body is larger than limit-post"}, events);
    }
    return state_ == State::body;
}

bool FastcgiCodec::decode_body_record(const RecordHeader& record, std::string_view bytes,
                                      std::size_t& used, StreamEvents& events) {
    if (record.type == RecordType::standard_input && record.request == request_ &&
        record.content != 0) {
        used += kRecordHeader;
        content_left_ = record.content;
        padding_left_ = record.padding;
        body_received_ += record.content;
        return check_body_size(events);
    }
    if (answer_ended_ && record.type == RecordType::begin_request && record.request != 0) {
        end_of_body(events);  // the web server has its answer and sends no more of this one
        return true;
    }
    if (bytes.size() < record.whole()) return false;
    if (record.request != request_) {
        used += record.whole();
        take_other(record, bytes.substr(kRecordHeader, record.content), events);
        return true;
    }
    if (answer_ended_ && record.type == RecordType::abort_request) {
        used += record.whole();
        end_of_body(events);
        return true;
    }
    if (record.type == RecordType::abort_request) {
        refuse({400, "the web server aborted the request in the middle of its body"}, events);
        return false;
    }
    if (record.type != RecordType::standard_input) {
        refuse({400, "a FastCGI record stands inside the request's body"}, events);
        return false;
    }
    if (head_.framing == BodyFraming::length && body_received_ < head_.content_length) {
        refuse({400, "the body is shorter than its CONTENT_LENGTH"}, events);
        return false;
    }
    used += record.whole();
    end_of_body(events);
    return true;
}

}  // namespace mew::gateway
