#include "client/own_answer.h"

#include "http/status.h"

namespace mew::client {

bool append_own_answer(http::Codec& codec, http::StreamId stream, const OwnAnswer& answer,
                       std::string& out) {
    using http::FieldName;
    const std::string_view phrase = http::reason_phrase(answer.status);
    const std::string seconds = std::to_string(answer.retry_after);
    http::ResponseHead head;
    head.status = answer.status;
    head.headers.push_back({"Content-Type", "text/plain; charset=utf-8", FieldName::content_type});
    if (answer.retry_after != 0)
        head.headers.push_back({"Retry-After", seconds, FieldName::retry_after});
    if (!answer.transport_security.empty())
        head.headers.push_back({"Strict-Transport-Security", answer.transport_security,
                                FieldName::strict_transport_security});
    head.implied_length = phrase.size() + 1;
    const http::BodyPlan plan = codec.encode_head(stream, head, answer.close_after, out);
    if (plan.has_body) {
        codec.encode_body_prefix(stream, phrase.size() + 1, out);
        out.append(phrase).append("\n");
        codec.encode_body_suffix(stream, out);
    }
    codec.encode_end(stream, out);
    return plan.closes;
}

}  // namespace mew::client
