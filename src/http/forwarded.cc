#include "http/forwarded.h"

#include <algorithm>
#include <utility>

#include "http/grammar.h"

namespace mew::http {

namespace {

// The last element, and the comma before it, off `line`.
std::string_view take_last(std::string_view& line, bool quotes) {
    bool inside = false;
    for (std::size_t at = line.size(); at-- > 0;) {
        if (quotes && line[at] == '"') inside = !inside;
        if (line[at] != ',' || inside) continue;
        const std::string_view element = line.substr(at + 1);
        line = line.substr(0, at);
        return element;
    }
    return std::exchange(line, {});
}

std::size_t end_of_pair(std::string_view element) {
    bool inside = false;
    for (std::size_t at = 0; at < element.size(); ++at) {
        if (element[at] == '"') inside = !inside;
        if (element[at] == ';' && !inside) return at;
    }
    return element.size();
}

// token or quoted-string.
std::optional<std::string_view> unquote(std::string_view value) {
    if (!value.starts_with('"')) return is_token(value) ? std::optional(value) : std::nullopt;
    if (value.size() < 2 || !value.ends_with('"')) return std::nullopt;
    value = value.substr(1, value.size() - 2);
    return value.find_first_of("\"\\") == std::string_view::npos ? std::optional(value)
                                                                 : std::nullopt;
}

// False: malformed, or said twice.
bool take_pair(std::string_view pair, ForwardedElement& element) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos || !is_token(pair.substr(0, equals))) return false;
    const std::string_view name = pair.substr(0, equals);
    const auto value = unquote(pair.substr(equals + 1));
    if (!value) return false;
    std::string_view* const place = equals_ignoring_case("for", name)     ? &element.from
                                    : equals_ignoring_case("proto", name) ? &element.proto
                                    : equals_ignoring_case("host", name)  ? &element.host
                                                                          : nullptr;
    if (place == nullptr) return true;  // by=, and what may come
    if (place->data() != nullptr) return false;
    *place = *value;
    return true;
}

std::string_view without_mapping(std::string_view address) {
    constexpr std::string_view kMapped = "::ffff:";
    if (address.size() <= kMapped.size() ||
        !equals_ignoring_case(kMapped, address.substr(0, kMapped.size())))
        return address;
    const std::string_view rest = address.substr(kMapped.size());
    return is_ipv4(rest) ? rest : address;
}

// Behind the address: nothing, or a port, which may be hidden.
bool take_port(std::string_view rest, std::string_view& port) {
    if (rest.empty()) return true;
    if (rest.front() != ':') return false;
    rest.remove_prefix(1);
    if (is_port(rest)) {
        port = rest;
        return true;
    }
    return rest.size() > 1 && rest.front() == '_' && is_token(rest);
}

}  // namespace

ElementsFromEnd::ElementsFromEnd(const RequestHead& head, FieldName id)
    : head_(head), id_(id), lines_left_(head.fields().size()) {}

std::optional<std::string_view> ElementsFromEnd::next() {
    for (;;) {
        while (!line_.empty()) {
            const std::string_view element =
                trim_blanks(take_last(line_, id_ == FieldName::forwarded));
            if (!element.empty()) return element;
        }
        while (lines_left_ > 0 && head_.fields()[lines_left_ - 1].id != id_) --lines_left_;
        if (lines_left_ == 0) return std::nullopt;
        line_ = head_.value(head_.fields()[--lines_left_]);
    }
}

std::optional<ForwardedNode> parse_forwarded_node(std::string_view text) {
    ForwardedNode node;
    std::string_view rest;
    if (text.starts_with('[')) {
        const std::size_t end = std::min(text.find(']'), text.size());
        node.address = text.substr(1, end - 1);
        rest = text.substr(std::min(end + 1, text.size()));
        if (end == text.size() || !is_ipv6(node.address)) return std::nullopt;
    } else if (std::count(text.begin(), text.end(), ':') > 1) {
        node.address = text;
        if (!is_ipv6(node.address)) return std::nullopt;
    } else {
        node.address = text.substr(0, text.find(':'));
        rest = text.substr(node.address.size());
        if (!is_ipv4(node.address)) return std::nullopt;
    }
    if (!take_port(rest, node.port)) return std::nullopt;
    node.address = without_mapping(node.address);
    return node;
}

std::optional<ForwardedElement> parse_forwarded_element(std::string_view text) {
    ForwardedElement element;
    while (!text.empty()) {
        const std::size_t end = end_of_pair(text);
        const std::string_view pair = trim_blanks(text.substr(0, end));
        if (!pair.empty() && !take_pair(pair, element)) return std::nullopt;
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return element;
}

ForwardedScheme parse_forwarded_scheme(std::string_view text) {
    for (const std::string_view name : {"https", "wss"}) {
        if (equals_ignoring_case(name, text)) return ForwardedScheme::https;
    }
    for (const std::string_view name : {"http", "ws"}) {
        if (equals_ignoring_case(name, text)) return ForwardedScheme::http;
    }
    return ForwardedScheme::none;
}

}  // namespace mew::http
