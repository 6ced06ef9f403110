#pragma once
// Reason phrases of the IANA status code registry (RFC 9110 15).
#include <string_view>

namespace mew::http {

// "" for codes without a registered phrase.
std::string_view reason_phrase(int status);

// 1xx, 204 and 304 never carry a body (RFC 9110 6.4.1).
inline bool status_has_body(int status) { return status >= 200 && status != 204 && status != 304; }

}  // namespace mew::http
