#include "client/own_answer.h"

#include "http/status.h"

namespace mew::client {

bool append_own_answer(http::Codec& codec, http::StreamId stream, int status, bool close_after,
                       std::string& out, unsigned retry_after) {
    const std::string_view phrase = http::reason_phrase(status);
    const std::string seconds = std::to_string(retry_after);
    http::ResponseHead head;
    head.status = status;
    head.headers.push_back(
        {"Content-Type", "text/plain; charset=utf-8", http::FieldName::content_type});
    if (retry_after != 0) head.headers.push_back({"Retry-After", seconds});
    head.implied_length = phrase.size() + 1;
    const http::BodyPlan plan = codec.encode_head(stream, head, close_after, out);
    if (plan.has_body) {
        codec.encode_body_prefix(stream, phrase.size() + 1, out);
        out.append(phrase).append("\n");
        codec.encode_body_suffix(stream, out);
    }
    codec.encode_end(stream, out);
    return plan.closes;
}

}  // namespace mew::client
