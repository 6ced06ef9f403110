#include "http/grammar.h"

#include <arpa/inet.h>

#include <algorithm>

namespace mew::http {

namespace {

bool is_address(int family, std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return false;
    std::copy(text.begin(), text.end(), copy.begin());
    in6_addr address{};  // has room for either family
    return ::inet_pton(family, copy.data(), &address) == 1;
}

// At the start of `text`.
bool are_two_hex_digits(std::string_view text) {
    return text.size() >= 2 && hex_digit(text[0]) >= 0 && hex_digit(text[1]) >= 0;
}

// Where the reg-name at the start of `text` ends; a '%' stands only before two hex digits.
std::size_t end_of_reg_name(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size() && has_class(text[at], char_class::kRegName)) {
        if (text[at] == '%' && !are_two_hex_digits(text.substr(at + 1))) break;
        ++at;
    }
    return at;
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

bool is_ipv4(std::string_view text) { return is_address(AF_INET, text); }
bool is_ipv6(std::string_view text) { return is_address(AF_INET6, text); }

bool is_port(std::string_view text) {
    if (text.empty() || text.size() > 5) return false;
    unsigned value = 0;
    for (char c : text) {
        if (!is_digit(c)) return false;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    return value <= 65535;
}

bool is_valid_authority(std::string_view text) {
    std::size_t host = 0;
    if (!text.empty() && text.front() == '[') {
        host = text.find(']');
        // Zones and RFC 3986's IPvFuture have no place in Host. The whole grammar is checked
        // because URL parsers of apps fail on what is not an address.
        if (host == std::string_view::npos || !is_ipv6(text.substr(1, host - 1))) return false;
        ++host;
    } else {
        host = end_of_reg_name(text);
        if (host == 0) return false;
    }
    if (host == text.size()) return true;
    if (text[host] != ':') return false;
    return host + 1 == text.size() || is_port(text.substr(host + 1));
}

Authority split_authority(std::string_view text) {
    const std::size_t bracket = text.find(']');
    const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
    if (colon == std::string_view::npos) return {text, {}};
    return {text.substr(0, colon), text.substr(colon + 1)};
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
