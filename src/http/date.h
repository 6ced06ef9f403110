#pragma once
// The Date header's value (RFC 9110 5.6.7), made anew once a second.
#include <ctime>
#include <string_view>

namespace mew::http {

// "Sun, 06 Nov 1994 08:49:37 GMT", 29 bytes; valid until this thread's next call.
std::string_view date_text(std::time_t now);

}  // namespace mew::http
