#include "http/response_head.h"

#include "http/grammar.h"

namespace mew::http {

namespace {

std::string quoted(std::string_view text) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out = "'";
    for (char c : text.substr(0, 100)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return out + "'";
}

bool is_hop_by_hop(FieldName id) {
    switch (id) {
        case FieldName::connection:
        case FieldName::keep_alive:
        case FieldName::transfer_encoding:
        case FieldName::upgrade:
        case FieldName::te:
        case FieldName::trailer:
        case FieldName::proxy_connection:
        case FieldName::proxy_authorization:
        case FieldName::proxy_authenticate:
            return true;
        default:
            return false;
    }
}

base::Result<void> note_content_length(ResponseHead& head, Header& header) {
    const auto length = parse_length(header.value);
    if (!length) {
        return base::fail("the app's Content-Length " + quoted(header.value) +
                          " is not a number of bytes");
    }
    if (head.content_length && *head.content_length != *length) {
        return base::fail("the app gave two different Content-Length headers");
    }
    if (head.content_length) header.dropped = true;  // said twice, sent once
    head.content_length = length;
    return {};
}

// Date and Server go out once, whatever the app says (rule 32).
base::Result<void> note_single(ResponseHead& head, Header& header, bool& seen) {
    if (seen) {
        header.dropped = true;
        if (head.dropped_name.empty()) head.dropped_name = header.name;
    }
    seen = true;
    return {};
}

base::Result<void> note(ResponseHead& head, Header& header) {
    if (header.id == FieldName::content_length) return note_content_length(head, header);
    if (header.id == FieldName::date) return note_single(head, header, head.has_date);
    if (header.id == FieldName::server) return note_single(head, header, head.has_server);
    if (!is_hop_by_hop(header.id)) return {};
    header.dropped = true;
    if (header.id == FieldName::transfer_encoding && list_contains(header.value, "chunked")) {
        head.says_chunked = true;
    }
    if (header.id == FieldName::connection) {
        // Asking for the end of the connection is an app's right and needs no warning.
        if (list_contains(header.value, "close")) head.wants_close = true;
        if (equals_ignoring_case("close", trim_blanks(header.value)) ||
            equals_ignoring_case("keep-alive", trim_blanks(header.value))) {
            return {};
        }
    }
    if (head.dropped_name.empty()) head.dropped_name = header.name;
    return {};
}

}  // namespace

base::Result<void> ResponseHead::check() {
    // A head that is checked again, changed or not, is judged as if for the first time.
    content_length.reset();
    has_date = has_server = wants_close = says_chunked = false;
    dropped_name = {};
    if (status < 100 || status > 999) {
        return base::fail("the app's status " + std::to_string(status) +
                          " is not a number from 100 to 999");
    }
    if (status < 200) {
        return base::fail("the app's status " + std::to_string(status) +
                          " is not a final one; an answer starts with 200 to 999");
    }
    if (!is_field_value(reason)) {
        return base::fail("the app's status text " + quoted(reason) + " holds a control character");
    }
    for (Header& header : headers) {
        // A known name is a token.
        header.id = find_field_name(header.name);
        if (header.id == FieldName::unknown && !is_token(header.name)) {
            return base::fail("the app's header name " + quoted(header.name) +
                              " is not a token (letters, digits and !#$%&'*+-.^_`|~)");
        }
        if (!is_field_value(header.value)) {
            return base::fail("the app's header " + quoted(header.name) + " has the value " +
                              quoted(header.value) + ", which holds a control character");
        }
        header.dropped = false;
        if (auto noted = note(*this, header); !noted) return noted;
    }
    return {};
}

bool is_in_chunks(std::string_view start_of_body) {
    std::string_view rest = start_of_body;
    std::uint64_t size = 0;
    std::size_t digits = 0;
    for (; digits < rest.size() && hex_digit(rest[digits]) >= 0; ++digits) {
        if (digits == 15) return false;
        size = size * 16 + static_cast<std::uint64_t>(hex_digit(rest[digits]));
    }
    rest.remove_prefix(digits);
    if (digits == 0 || rest.empty() || (rest.front() != ';' && rest.front() != '\r')) return false;
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) return false;
    rest.remove_prefix(end + 2);
    if (rest.size() <= size) return true;
    const std::string_view behind = rest.substr(size, 2);
    return std::string_view("\r\n").substr(0, behind.size()) == behind;
}

}  // namespace mew::http
