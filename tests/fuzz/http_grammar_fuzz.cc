// The small grammar that every codec shares, each function against a second, plainer one or against
// what must hold of its result.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/pieces.h"
#include "http/field_name.h"
#include "http/grammar.h"

namespace {

namespace http = mew::http;
namespace cls = mew::http::char_class;

void require(bool holds, const char* promise, std::string_view text) {
    mew::fuzz::require(holds, promise, [&] { return std::string(text); });
}

bool each(std::string_view text, std::uint8_t bits) {
    return std::all_of(text.begin(), text.end(), [&](char c) { return http::has_class(c, bits); });
}

// By a state per byte instead of a look ahead.
std::string decoded(std::string_view text) {
    std::string out;
    std::string held;  // a '%' and at most one digit
    for (const char c : text) {
        if (!held.empty() && http::hex_digit(c) >= 0) {
            held += c;
            if (held.size() < 3) continue;
            out += static_cast<char>(http::hex_digit(held[1]) * 16 + http::hex_digit(held[2]));
            held.clear();
            continue;
        }
        out += held;
        held.clear();
        if (c == '%') {
            held = c;
        } else {
            out += c;
        }
    }
    return out + held;
}

void try_percent_decode(std::string_view text) {
    std::string out = "kept";
    http::percent_decode(text, out);
    require(out == "kept" + decoded(text), "percent-decoding", text);
    require(out.size() <= text.size() + 4, "decoding made it longer", text);
}

void try_parse_length(std::string_view text) {
    const auto length = http::parse_length(text);
    const bool digits = !text.empty() && text.size() <= 19 &&
                        text.find_first_not_of("0123456789") == std::string_view::npos;
    const bool fits = digits && std::stoull(std::string(text)) <= std::uint64_t{INT64_MAX};
    require(length.has_value() == fits, "what is a length", text);
    if (length) require(*length == std::stoull(std::string(text)), "the length", text);
}

void try_authority(std::string_view text) {
    if (!http::is_valid_authority(text)) return;
    require(!text.empty(), "an authority of nothing", text);
    for (const char c : text) {
        require(http::has_class(c, cls::kRegName) || c == ':' || c == '[' || c == ']',
                "an authority holds a byte that none has", text);
    }
    const std::size_t colon = text.find(':', text.front() == '[' ? text.find(']') : 0);
    const std::string_view port = colon == text.npos ? "" : text.substr(colon + 1);
    require(port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos, "the port",
            text);
    require(port.empty() || std::stoi(std::string(port)) <= 65535, "the size of the port", text);
    for (const char* more : {"@h", " ", "/", "\\", "#", "?", "\n"}) {
        require(!http::is_valid_authority(std::string(text) + more), "an authority and more", text);
        require(!http::is_valid_authority(more + std::string(text)), "more and an authority", text);
    }
    const std::string with_port = std::string(text) + (colon == text.npos ? ":1" : "1");
    require(!port.empty() || http::is_valid_authority(with_port), "a port can be added", text);
}

void try_names(std::string_view text) {
    const http::FieldName id = http::find_field_name(text);
    std::string lower(text);
    for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    for (std::size_t i = 1; i < http::kFieldNames; ++i) {
        const auto known = static_cast<http::FieldName>(i);
        require((http::field_text(known) == lower) == (known == id), "which name it is", text);
    }
}

void try_lists(std::string_view text) {
    bool found = false;
    for (std::size_t start = 0; start <= text.size();) {
        const std::size_t end = std::min(text.find(',', start), text.size());
        std::string_view item = text.substr(start, end - start);
        const std::size_t first = item.find_first_not_of(" \t");
        item =
            first == item.npos ? "" : item.substr(first, item.find_last_not_of(" \t") - first + 1);
        require(item == http::trim_blanks(text.substr(start, end - start)), "trimming", text);
        found = found || http::equals_ignoring_case("close", item);
        start = end + 1;
    }
    require(http::list_contains(text, "close") == found, "what a list contains", text);
}

void try_all(std::string_view text) {
    require(http::is_field_value(text) == each(text, cls::kValue), "what is a value", text);
    require(http::is_target_text(text) == each(text, cls::kTarget), "what is a target", text);
    require(http::is_token(text) == (!text.empty() && each(text, cls::kToken)), "a token", text);
    try_percent_decode(text);
    try_parse_length(text);
    try_authority(text);
    try_names(text);
    try_lists(text);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_all(text);
    // The same bytes at another alignment, and cut short.
    for (std::size_t at = 1; at < std::min<std::size_t>(size, 9); ++at) try_all(text.substr(at));
    return 0;
}
