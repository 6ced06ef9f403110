#pragma once
// Bytes that others chose, made safe for a log: for people as \xHH, for machines as JSON. Both
// append, neither allocates beyond the growth of `out`; on the hot path of the access log.

#include <string>
#include <string_view>

namespace mew::log {

// Printable ASCII as it is; all else, and the backslash, as \xHH: the line stays one line, holds no
// terminal escapes, and can be turned back. UTF-8 too, as nobody promised that it is UTF-8.
void append_printable(std::string& out, std::string_view bytes);
std::string printable(std::string_view bytes);

// `bytes` between quotes; what is not UTF-8 becomes U+FFFD, one for each maximal bad part.
void append_json_string(std::string& out, std::string_view bytes);
// The same without the quotes.
void append_json_text(std::string& out, std::string_view bytes);

}  // namespace mew::log
