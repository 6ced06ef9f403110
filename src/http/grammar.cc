#include "http/grammar.h"

#include <arpa/inet.h>

#include <algorithm>

namespace mew::http {

namespace {

bool is_valid_port(std::string_view port) {
    if (port.size() > 5) return false;
    unsigned value = 0;
    for (char c : port) {
        if (!is_digit(c)) return false;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value <= 65535;
}

// Inside the brackets. Zones and RFC 3986's IPvFuture have no place in Host. The whole grammar is
// checked because URL parsers of apps fail on what is not an address.
bool is_ipv6_text(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return false;
    std::copy(text.begin(), text.end(), copy.begin());
    in6_addr address{};
    return ::inet_pton(AF_INET6, copy.data(), &address) == 1;
}

// At the start of `text`.
bool are_two_hex_digits(std::string_view text) {
    return text.size() >= 2 && hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0;
}

// reg-name: a '%' only before two hex digits.
bool is_reg_name(std::string_view text) {
    if (text.empty() || !all_of_class(text, char_class::kRegName)) return false;
    for (std::size_t at = text.find('%'); at != std::string_view::npos;
         at = text.find('%', at + 1)) {
        if (!are_two_hex_digits(text.substr(at + 1))) return false;
    }
    return true;
}

}  // namespace

std::optional<std::uint64_t> parse_length(std::string_view text) {
    if (text.empty() || text.size() > 19) return std::nullopt;
    std::uint64_t value = 0;
    for (char c : text) {
        if (!is_digit(c)) return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(c - '0');
    }
    if (value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return value;
}

bool is_valid_authority(std::string_view text) {
    std::string_view port;
    if (!text.empty() && text.front() == '[') {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos || !is_ipv6_text(text.substr(1, end - 1))) return false;
        const std::string_view rest = text.substr(end + 1);
        if (rest.empty()) return true;
        return rest.front() == ':' && is_valid_port(rest.substr(1));
    }
    const std::size_t colon = text.find(':');
    if (colon != std::string_view::npos) {
        port = text.substr(colon + 1);
        text = text.substr(0, colon);
    }
    return is_reg_name(text) && is_valid_port(port);
}

bool list_contains(std::string_view list, std::string_view lower) {
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        if (equals_ignoring_case(lower, trim_blanks(list.substr(0, comma)))) return true;
        if (comma == std::string_view::npos) return false;
        list.remove_prefix(comma + 1);
    }
    return false;
}

void percent_decode(std::string_view text, std::string& out) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool encoded = text[i] == '%' && are_two_hex_digits(text.substr(i + 1));
        out.push_back(encoded
                          ? static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]))
                          : text[i]);
        if (encoded) i += 2;
    }
}

}  // namespace mew::http
