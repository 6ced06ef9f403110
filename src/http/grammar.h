#pragma once
// Character classes and small grammar of RFC 9110 and RFC 3986, shared by every codec.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/byte_word.h"

namespace mew::http {

namespace char_class {
inline constexpr std::uint8_t kToken = 1;      // tchar, RFC 9110 5.6.2
inline constexpr std::uint8_t kValue = 2;      // field-value: HTAB, SP, VCHAR, 0x80-0xff
inline constexpr std::uint8_t kTarget = 4;     // printable ASCII without SP and '#'
inline constexpr std::uint8_t kAlnumDash = 8;  // letters, digits, '-': names that become CGI keys
inline constexpr std::uint8_t kRegName = 16;   // reg-name and IPv4: unreserved, sub-delims, '%'

constexpr std::array<std::uint8_t, 256> make() {
    std::array<std::uint8_t, 256> table{};
    const auto mark = [&](std::string_view characters, std::uint8_t bits) {
        for (char c : characters) table[static_cast<unsigned char>(c)] |= bits;
    };
    const std::string_view alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    mark(alnum, kToken | kAlnumDash | kRegName);
    mark("!#$%&'*+-.^_`|~", kToken);
    mark("-", kAlnumDash);
    mark("-._~!$&'()*+,;=%", kRegName);
    for (int c = 0; c < 256; ++c) {
        if (c == '\t' || (c >= 0x20 && c != 0x7f)) table[static_cast<std::size_t>(c)] |= kValue;
        if (c > 0x20 && c < 0x7f && c != '#') table[static_cast<std::size_t>(c)] |= kTarget;
    }
    return table;
}
inline constexpr auto kTable = make();
}  // namespace char_class

inline bool has_class(char c, std::uint8_t bits) {
    return (char_class::kTable[static_cast<unsigned char>(c)] & bits) != 0;
}
inline bool all_of_class(std::string_view text, std::uint8_t bits) {
    for (char c : text) {
        if (!has_class(c, bits)) return false;
    }
    return true;
}
inline bool is_token(std::string_view text) {
    return !text.empty() && all_of_class(text, char_class::kToken);
}
// All of class kValue.
inline bool is_field_value(std::string_view text) {
    const auto harmless = [](std::uint64_t word) {
        return (byte_word::any_below(word, 0x20) | byte_word::any_equal(word, 0x7f)) == 0;
    };
    if (text.size() >= 8 && byte_word::all(text, harmless)) return true;
    return all_of_class(text, char_class::kValue);  // short, or with a tab at least
}
// All of class kTarget.
inline bool is_target_text(std::string_view text) {
    const auto harmless = [](std::uint64_t word) {
        return ((word & byte_word::kHighBits) | byte_word::any_below(word, 0x21) |
                byte_word::any_equal(word, 0x7f) | byte_word::any_equal(word, '#')) == 0;
    };
    if (text.size() >= 8) return byte_word::all(text, harmless);
    return all_of_class(text, char_class::kTarget);
}
inline bool is_digit(char c) { return c >= '0' && c <= '9'; }
// 0 to 15, or -1.
inline int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// ASCII only. `lower` must be in lower case.
constexpr bool equals_ignoring_case(std::string_view lower, std::string_view text) {
    if (lower.size() != text.size()) return false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c) != lower[i]) return false;
    }
    return true;
}

// Without leading and trailing SP and HTAB.
inline std::string_view trim_blanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// 1 to 19 digits, nothing else (rule 16).
std::optional<std::uint64_t> parse_length(std::string_view text);

// The text of an address, all of it; without brackets or zone.
bool is_ipv4(std::string_view text);
bool is_ipv6(std::string_view text);

// 1 to 5 digits, up to 65535.
bool is_port(std::string_view text);

// host [ ":" port ]: reg-name, IPv4 or "[" IPv6 "]"; port empty or 1 to 5 digits up to 65535. No
// userinfo. An empty host is not valid.
bool is_valid_authority(std::string_view text);
// A valid one's host, with the brackets of IPv6, and its port, which may be empty.
struct Authority {
    std::string_view host;
    std::string_view port;
};
Authority split_authority(std::string_view text);

// Does the comma-separated list hold `lower`, in any case?
bool list_contains(std::string_view list, std::string_view lower);

// Percent-decoding, once; a '%' that two hex digits do not follow stays as it is (as CGI servers
// do). Appends to `out`.
void percent_decode(std::string_view text, std::string& out);

}  // namespace mew::http
