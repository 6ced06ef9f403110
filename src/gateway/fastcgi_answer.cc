// The outward half of gateway/fastcgi_codec.h: answers in records.

#include <algorithm>

#include "gateway/fastcgi_codec.h"
#include "http/response_text.h"

namespace mew::gateway {

using http::StreamId;

namespace {
// Content of a record that carries a piece of an answer: a multiple of eight.
constexpr std::size_t kPiece = kLargestContent - 7;
}  // namespace

http::BodyPlan FastcgiCodec::encode_head(StreamId, const http::ResponseHead& head, bool close_after,
                                         std::string& out) {
    http::BodyPlan plan;
    closes_ = plan.closes = close_after || !keeps_;
    if (voice_ == Voice::silent) {
        plan.has_body = false;
        return plan;
    }
    plan.has_body = http::status_has_body(head.status) && !head_request_;
    plan.piece = kPiece;
    const auto length = head.content_length ? head.content_length : head.implied_length;
    if (plan.has_body && length) plan.length = *length;
    // nginx takes the end of the connection for the end of the answer, whether the record that ends
    // the request came or not.
    plan.ends_by_close = plan.has_body && !length;

    const std::size_t at = out.size();
    if (voice_ == Voice::records) out.append(kRecordHeader, '\0');
    http::HeadWriter writer(out, head);
    writer.put(voice_ == Voice::records ? "Status: " : "HTTP/1.1 ").put_status(head);
    writer.put("\r\n").put_headers(head).put("\r\n").end();
    if (voice_ != Voice::records) return plan;
    const std::size_t size = out.size() - at - kRecordHeader;
    if (size <= kLargestContent) {
        write_record_header(out, at, RecordType::standard_output, request_, size);
        return plan;
    }
    const std::string text = out.substr(at + kRecordHeader);
    out.resize(at);
    for (std::size_t from = 0; from < text.size(); from += kPiece) {
        const std::size_t piece = std::min(kPiece, text.size() - from);
        append_record_header(out, RecordType::standard_output, request_, piece);
        out.append(text, from, piece);
    }
    return plan;
}

void FastcgiCodec::encode_body_prefix(StreamId, std::size_t size, std::string& out) {
    // An empty record would end the answer.
    if (voice_ != Voice::records || size == 0) return;
    append_record_header(out, RecordType::standard_output, request_, size);
}

void FastcgiCodec::encode_end(StreamId, std::string& out) {
    if (voice_ == Voice::records) {
        append_record_header(out, RecordType::standard_output, request_, 0);
        append_end_request(out, request_, ProtocolStatus::request_complete);
    }
    voice_ = Voice::silent;
    if (state_ == State::answering) {
        state_ = after_answer();
    } else {
        answer_ended_ = true;
    }
}

bool FastcgiCodec::encode_abort(StreamId, std::string&) {
    state_ = State::failed;
    return true;
}

}  // namespace mew::gateway
