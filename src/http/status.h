#pragma once
// Reason phrases and kinds of the IANA status code registry (RFC 9110 15).
#include <string_view>

namespace mew::http {

// "" for codes without a registered phrase.
std::string_view reason_phrase(int status);

// 1xx, 204 and 304 never carry a body (RFC 9110 6.4.1).
inline bool status_has_body(int status) { return status >= 200 && status != 204 && status != 304; }

// Something of the request was larger than it may be: body, target or fields.
inline bool is_too_large(int status) { return status == 413 || status == 414 || status == 431; }

}  // namespace mew::http
