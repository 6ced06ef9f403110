#pragma once
// What proxies say of connections before theirs: the grammar of Forwarded (RFC 7239) and of
// X-Forwarded-For and its kin. Whom to believe is not decided here: client/forwarding.
//
// Each proxy adds to the right end of a list, so lists are read from there: what a client sent
// itself stands to the left, and whatever it is, it has no say in where the elements right of it
// begin.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/request_head.h"

namespace mew::http {

// Forwarded, X-Forwarded-For, -Host, -Port, -Proto, -Ssl: codecs set RequestHead::has_forwarded.
constexpr bool is_forwarded_name(FieldName id) {
    switch (id) {
        case FieldName::forwarded:
        case FieldName::x_forwarded_for:
        case FieldName::x_forwarded_host:
        case FieldName::x_forwarded_port:
        case FieldName::x_forwarded_proto:
        case FieldName::x_forwarded_ssl:
            return true;
        default:
            return false;
    }
}

// The elements of one list field, over all its lines, from the last to the first. Empty ones are
// passed over (RFC 9110 5.6.1). In Forwarded a comma between quotes parts nothing.
class ElementsFromEnd {
public:
    ElementsFromEnd(const RequestHead& head, FieldName id);
    std::optional<std::string_view> next();

private:
    const RequestHead& head_;
    FieldName id_;
    std::size_t lines_left_;  // fields of the head that were not looked at
    std::string_view line_;
};

// A node (RFC 7239 6) whose address is known.
struct ForwardedNode {
    std::string_view address;  // without brackets; IPv4 also where it came mapped into IPv6
    std::string_view port;     // "": not said
};
// As both fields have it: "192.0.2.7", "192.0.2.7:4321", "[2001:db8::7]:4321", and IPv6 without
// brackets, as X-Forwarded-For often has it. Nothing: unknown, hidden (_name), or malformed.
std::optional<ForwardedNode> parse_forwarded_node(std::string_view text);

// One element of Forwarded, without the quotes; what it does not say is empty. Nothing: malformed.
// A quoted string with a backslash counts as such: no value of these needs one.
struct ForwardedElement {
    std::string_view from;  // for=
    std::string_view proto;
    std::string_view host;
};
std::optional<ForwardedElement> parse_forwarded_element(std::string_view element);

// http or https, in any case; ws and wss, as some proxies name them of WebSockets, are the same.
enum class ForwardedScheme : std::uint8_t { none, http, https };
ForwardedScheme parse_forwarded_scheme(std::string_view text);

}  // namespace mew::http
