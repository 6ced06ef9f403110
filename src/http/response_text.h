#pragma once
// Pieces of an answer's head as text, for the codecs whose heads are text: HTTP/1 and the gateways.
// Appends only; what is given has passed ResponseHead::check().

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/response_head.h"
#include "http/status.h"

namespace mew::http {

inline void append_number(std::string& out, std::uint64_t number, int base = 10) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
    out.append(digits, end);
}

// "200 OK"
inline void append_status(std::string& out, const ResponseHead& head) {
    if (head.status == 200 && (head.reason.empty() || head.reason == "OK")) {
        out += "200 OK";
        return;
    }
    append_number(out, static_cast<std::uint64_t>(head.status));
    out += ' ';
    out += head.reason.empty() ? reason_phrase(head.status) : head.reason;
}

inline void append_header(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

// The app's headers, and the length that the bridge found where the app gave none.
inline void append_headers(std::string& out, const ResponseHead& head) {
    for (const Header& header : head.headers) {
        if (header.dropped) continue;
        // RFC 9110 8.6: no Content-Length with 204.
        if (header.id == FieldName::content_length && head.status == 204) continue;
        append_header(out, header.name, header.value);
    }
    if (!head.content_length && head.implied_length && head.status != 204 && head.status != 304) {
        out += "Content-Length: ";
        append_number(out, *head.implied_length);
        out += "\r\n";
    }
}

}  // namespace mew::http
