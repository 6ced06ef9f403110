#include "http1/head_parser.h"

#include <cstring>

#include "http/forwarded.h"
#include "http/grammar.h"

namespace mew::http1 {

using http::FieldName;
using http::Refusal;
using http::RequestHead;
namespace cls = http::char_class;

namespace {
constexpr std::size_t kLongestMethod = 32;
constexpr std::optional<Refusal> kGoOn = std::nullopt;

std::optional<Refusal> not_a_field() { return Refusal{400, "a header line is not NAME: VALUE"}; }
}  // namespace

void HeadParser::reset() {
    line_ = scanned_ = 0;
    have_request_line_ = skipped_empty_line_ = false;
    seen_ = Seen{};
}

HeadParser::Outcome HeadParser::refuse(Refusal refusal) {
    refusal_ = refusal;
    return Outcome::refused;
}

HeadParser::Outcome HeadParser::refuse_size() {
    return have_request_line_ ? refuse({431, "the request head is larger than buffer-size"})
                              : refuse({414, "the request line is larger than buffer-size"});
}

HeadParser::Outcome HeadParser::need_more(std::string_view bytes) {
    scanned_ = bytes.size();
    return bytes.size() > limits_.head_bytes ? refuse_size() : Outcome::more;
}

// A first byte that can start no request is answered at once, not after the head time limit.
HeadParser::Step HeadParser::first_byte(char first) const {
    if (first == '\r' || http::has_class(first, cls::kToken)) return kGoOn;
    if (first == '\n') return Refusal{400, "a line of the head does not end with CR LF"};
    if (first == '\x16') return Refusal{400, "TLS was spoken to a plain HTTP port"};
    return Refusal{400, "the request line starts with a byte that no method has"};
}

HeadParser::Outcome HeadParser::parse(std::string_view bytes, RequestHead& head) {
    block_ = bytes.data();
    for (;;) {
        if (!have_request_line_ && line_ < bytes.size()) {
            if (const auto refusal = first_byte(bytes[line_])) return refuse(*refusal);
        }
        const void* found = scanned_ < bytes.size()
                                ? std::memchr(block_ + scanned_, '\n', bytes.size() - scanned_)
                                : nullptr;
        if (found == nullptr) return need_more(bytes);
        const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - block_);
        // Size before shape: the same answer however the bytes were split.
        if (end >= limits_.head_bytes) return refuse_size();
        if (end == line_ || block_[end - 1] != '\r') {
            return refuse({400, "a line of the head does not end with CR LF"});
        }
        const std::string_view line = bytes.substr(line_, end - 1 - line_);
        line_ = scanned_ = end + 1;
        if (line.empty() && have_request_line_) {
            head.set_block(block_, line_);
            if (const auto refusal = finish(head)) return refuse(*refusal);
            return Outcome::complete;
        }
        if (const auto refusal = take_line(line, head)) return refuse(*refusal);
    }
}

HeadParser::Step HeadParser::take_line(std::string_view line, RequestHead& head) {
    if (have_request_line_) return field(line, head);
    if (line.empty()) {
        // RFC 9112 2.2: one empty line before a request is forgiven, as some clients send one.
        if (skipped_empty_line_) return Refusal{400, "empty lines stand before the request"};
        skipped_empty_line_ = true;
        return kGoOn;
    }
    have_request_line_ = true;
    return request_line(line, head);
}

HeadParser::Step HeadParser::request_line(std::string_view line, RequestHead& head) {
    const std::size_t first = line.find(' ');
    const std::size_t second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) {
        return Refusal{400, "the request line is not METHOD TARGET HTTP/d.d"};
    }
    const std::string_view name = line.substr(0, first);
    if (const auto refusal = method(name)) return refusal;
    head.method_slice = slice(name);
    if (const auto refusal = version(line.substr(second + 1), head)) return refusal;
    if (name == "CONNECT") return Refusal{501, "CONNECT is not served"};
    return target(line.substr(first + 1, second - first - 1), head);
}

HeadParser::Step HeadParser::method(std::string_view text) {
    if (!http::is_token(text)) return Refusal{400, "the method is not a token"};
    if (text.size() > kLongestMethod) return Refusal{400, "the method is longer than 32 bytes"};
    return kGoOn;
}

HeadParser::Step HeadParser::version(std::string_view text, RequestHead& head) {
    if (text == "HTTP/1.1") {
        head.version = http::Version::http11;
    } else if (text == "HTTP/1.0") {
        head.version = http::Version::http10;
    } else if (text.size() == 8 && text.starts_with("HTTP/") && http::is_digit(text[5]) &&
               text[6] == '.' && http::is_digit(text[7])) {
        return Refusal{505, "the HTTP version is neither 1.0 nor 1.1"};
    } else {
        return Refusal{400, "the request line does not end with HTTP/d.d"};
    }
    return kGoOn;
}

void HeadParser::split_query(http::Slice rest, std::string_view text, RequestHead& head) {
    const std::size_t mark = text.find('?');
    head.path_slice = rest;
    if (mark == std::string_view::npos) return;
    head.path_slice.size = static_cast<std::uint32_t>(mark);
    head.query_slice = slice(text.substr(mark + 1));
}

HeadParser::Step HeadParser::target(std::string_view text, RequestHead& head) {
    if (text.empty()) return Refusal{400, "the request target is empty"};
    if (!http::is_target_text(text)) {
        return Refusal{400, "the request target holds a byte that is not printable ASCII"};
    }
    head.target_slice = slice(text);
    if (text.front() == '/') {
        split_query(slice(text), text, head);
        return kGoOn;
    }
    if (text == "*") {
        if (!is_options(head)) return Refusal{400, "the target * is for OPTIONS alone"};
        head.server_wide = true;
        return kGoOn;
    }
    return absolute_target(text, head);
}

HeadParser::Step HeadParser::absolute_target(std::string_view text, RequestHead& head) {
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos ||
        !(http::equals_ignoring_case("http", text.substr(0, colon)) ||
          http::equals_ignoring_case("https", text.substr(0, colon)))) {
        return Refusal{400, "the request target is neither a path nor an http URI"};
    }
    const std::string_view rest = text.substr(colon + 3);
    const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
    const std::string_view authority = rest.substr(0, end);
    if (!http::is_valid_authority(authority)) {
        return Refusal{400, "the authority of the request target is not host[:port]"};
    }
    head.absolute_target = true;
    head.authority_slice = slice(authority);
    const std::string_view path = rest.substr(end);
    if (!path.empty() && path.front() == '/') {
        split_query(slice(path), path, head);
        return kGoOn;
    }
    // RFC 9112 3.2.4: OPTIONS of an URI with neither path nor query asks about the whole server.
    head.server_wide = path.empty() && is_options(head);
    // Otherwise an empty path means "/": the first slash of "://" is one.
    if (!path.empty()) head.query_slice = slice(path.substr(1));
    head.path_slice = slice(text.substr(colon + 1, 1));
    return kGoOn;
}

HeadParser::Step HeadParser::field(std::string_view line, RequestHead& head) {
    if (line.front() == ' ' || line.front() == '\t') {
        return Refusal{400, head.fields().empty() ? "white space stands before the first header"
                                                  : "a header is folded over two lines"};
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return not_a_field();
    const std::string_view name = line.substr(0, colon);
    const FieldName id = http::find_field_name(name);
    // A known name needs no look at its bytes: the list holds tokens only, all fit for CGI.
    if (id == FieldName::unknown && !http::is_token(name)) return not_a_field();
    const std::string_view value = http::trim_blanks(line.substr(colon + 1));
    if (!http::is_field_value(value)) {
        return Refusal{400, "a header value holds a control character"};
    }
    if (head.fields().size() >= limits_.head_fields) {
        return Refusal{431, "the request has more headers than http-max-headers"};
    }
    http::FieldSlices slices;
    slices.name = slice(name);
    slices.value = value.empty() ? http::Slice{slices.name.at, 0} : slice(value);
    slices.id = id;
    slices.cgi = id == FieldName::unknown ? http::all_of_class(name, cls::kAlnumDash)
                                          : id != FieldName::proxy;
    if (!slices.cgi) ++head.dropped_fields;
    head.fields().push_back(slices);
    return id == FieldName::unknown ? kGoOn : known_field(slices, value, head);
}

HeadParser::Step HeadParser::known_field(const http::FieldSlices& field, std::string_view value,
                                         RequestHead& head) {
    switch (field.id) {
        case FieldName::host:
            return host(field, value, head);
        case FieldName::content_length:
            return content_length(value, head);
        case FieldName::transfer_encoding:
            return transfer_encoding(value, head);
        case FieldName::content_type:
            if (seen_.content_type++ != 0) return Refusal{400, "two Content-Type headers"};
            return kGoOn;
        case FieldName::connection:
            seen_.close = seen_.close || http::list_contains(value, "close");
            if (head.version == http::Version::http10 && http::list_contains(value, "keep-alive")) {
                seen_.keep_alive = true;
            }
            return kGoOn;
        case FieldName::expect:
            return expect(value, head);
        default:
            head.has_forwarded = head.has_forwarded || http::is_forwarded_name(field.id);
            return kGoOn;
    }
}

HeadParser::Step HeadParser::host(const http::FieldSlices& field, std::string_view value,
                                  RequestHead& head) {
    if (seen_.host++ != 0) return Refusal{400, "two Host headers"};
    if (!http::is_valid_authority(value)) {
        return Refusal{400, "the Host header is not host[:port]"};
    }
    if (!head.absolute_target) head.authority_slice = field.value;
    return kGoOn;
}

HeadParser::Step HeadParser::content_length(std::string_view value, RequestHead& head) {
    const auto length = http::parse_length(value);
    if (!length) return Refusal{400, "the Content-Length is not a number of bytes"};
    if (seen_.content_length) {
        if (*length != head.content_length) {
            return Refusal{400, "two different Content-Length headers"};
        }
        head.fields().pop_back();  // equal ones are merged (RFC 9110 8.6)
        return kGoOn;
    }
    seen_.content_length = true;
    head.content_length = *length;
    return kGoOn;
}

HeadParser::Step HeadParser::transfer_encoding(std::string_view value, const RequestHead& head) {
    if (head.version == http::Version::http10) {
        return Refusal{400, "Transfer-Encoding in an HTTP/1.0 request"};
    }
    if (seen_.transfer_encoding) return Refusal{400, "two Transfer-Encoding headers"};
    seen_.transfer_encoding = true;
    if (!http::equals_ignoring_case("chunked", value)) {
        return Refusal{501, "the only Transfer-Encoding that is served is chunked"};
    }
    seen_.chunked = true;
    return kGoOn;
}

HeadParser::Step HeadParser::expect(std::string_view value, RequestHead& head) {
    if (!http::equals_ignoring_case("100-continue", value)) {
        return Refusal{417, "the only expectation that is served is 100-continue"};
    }
    head.expects_continue = true;
    return kGoOn;
}

HeadParser::Step HeadParser::finish(RequestHead& head) {
    const bool http10 = head.version == http::Version::http10;
    if (seen_.host == 0 && !http10) return Refusal{400, "an HTTP/1.1 request without Host"};
    if (seen_.transfer_encoding && seen_.content_length) {
        return Refusal{400, "Transfer-Encoding and Content-Length together"};
    }
    head.keep_alive = !seen_.close && (!http10 || seen_.keep_alive);
    if (seen_.chunked) {
        head.framing = http::BodyFraming::chunked;
    } else if (seen_.content_length && head.content_length > 0) {
        head.framing = http::BodyFraming::length;
    }
    if (limits_.body_bytes != 0 && head.content_length > limits_.body_bytes) {
        return Refusal{413, "the body is larger than limit-post"};
    }
    // RFC 9110 10.1.1: ignored from HTTP/1.0, and where no body can follow.
    if (http10 || head.framing == http::BodyFraming::none) head.expects_continue = false;
    return kGoOn;
}

}  // namespace mew::http1
