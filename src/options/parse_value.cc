// Value grammar of all options; used by every source of options in the native program.

#include "options/parse_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/format.h"

namespace mew::options {
namespace {

constexpr std::array<std::string_view, 4> kFalse = {"false", "off", "no", "0"};
constexpr std::array<std::string_view, 4> kTrue = {"true", "on", "yes", "1"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

struct Unit {
    std::string_view name;
    double milliseconds;
};
constexpr std::array<Unit, 5> kUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

struct Size {
    std::string_view name;
    unsigned shift;
};
constexpr std::array<Size, 9> kSizes = {{{"k", 10},
                                         {"kb", 10},
                                         {"kib", 10},
                                         {"m", 20},
                                         {"mb", 20},
                                         {"mib", 20},
                                         {"g", 30},
                                         {"gb", 30},
                                         {"gib", 30}}};

// Length of the UTF-8 sequence that `text` starts with; 0 if it is not a valid one (RFC 3629).
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return 1;
    std::size_t length = 0;
    if (lead >= 0xC2 && lead <= 0xDF) length = 2;
    if ((lead & 0xF0U) == 0xE0) length = 3;
    if (lead >= 0xF0 && lead <= 0xF4) length = 4;
    if (length == 0 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((byte(i) & 0xC0U) != 0x80) return 0;
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
    if (lead == 0xED && byte(1) > 0x9F) return 0;  // surrogate
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return length;
}

}  // namespace

bool equals_ignoring_case(std::string_view one, std::string_view other) {
    return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                      [](char a, char b) { return lower(a) == lower(b); });
}

bool is_dotted_name(std::string_view text) {
    bool at_start = true;
    for (const char c : text) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                            static_cast<unsigned char>(c) >= 0x80;
        const bool digit = c >= '0' && c <= '9';
        const bool dot = c == '.';
        if (at_start ? !letter : !(letter || digit || dot)) return false;
        at_start = dot;
    }
    return !at_start;
}

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n\v\f";
    const auto first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool parse_boolean(std::string_view text) {
    return std::none_of(kFalse.begin(), kFalse.end(),
                        [&](auto word) { return equals_ignoring_case(word, text); });
}

bool is_usual_boolean(std::string_view text) {
    return text.empty() || !parse_boolean(text) ||
           std::any_of(kTrue.begin(), kTrue.end(),
                       [&](auto word) { return equals_ignoring_case(word, text); });
}

base::Result<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range)
        return base::fail(base::format("{} is too large a number", printable(text)));
    if (error != std::errc() || end != text.data() + text.size())
        return base::fail(base::format("\"{}\" is not a whole number", printable(text)));
    return value;
}

base::Result<std::int64_t> parse_bytes(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error == std::errc::result_out_of_range)
        return base::fail(base::format("{} is too large a size", printable(text)));
    const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
    const auto bad = [&] {
        return base::fail(base::format(
            "\"{}\" is not a size; write bytes (65536) or use k, m or g (64k)", printable(text)));
    };
    if (error != std::errc()) return bad();
    if (suffix.empty() || equals_ignoring_case(suffix, "b")) return value;
    for (const Size& size : kSizes) {
        if (!equals_ignoring_case(size.name, suffix)) continue;
        std::int64_t product = 0;
        if (__builtin_mul_overflow(value, std::int64_t{1} << size.shift, &product))
            return base::fail(base::format("{} is too large a size", printable(text)));
        return product;
    }
    return bad();
}

base::Result<Milliseconds> parse_duration(std::string_view text) {
    const auto bad = [&] {
        return base::fail(
            base::format("\"{}\" is not a time; write seconds (30) or use a unit: 500ms, 30s, "
                         "1.5m, 2h",
                         printable(text)));
    };
    double value = 0;
    // Digits first: from_chars would take "inf", "nan" and "-0" too.
    if (text.empty() || text.front() < '0' || text.front() > '9') return bad();
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    if (error == std::errc::result_out_of_range)
        return base::fail(base::format("{} is too long a time", printable(text)));
    if (error != std::errc()) return bad();
    double scale = unit.empty() ? 1000 : 0;
    for (const Unit& known : kUnits)
        if (equals_ignoring_case(known.name, unit)) scale = known.milliseconds;
    if (scale == 0) return bad();
    const double total = std::round(value * scale);
    if (!(total < 9e15)) return base::fail(base::format("{} is too long a time", printable(text)));
    if (total == 0 && value > 0)
        return base::fail(base::format("{} is less than a millisecond", printable(text)));
    return Milliseconds(static_cast<std::int64_t>(total));
}

std::string show_duration(Milliseconds value) {
    if (value.count() % 1000 == 0) return base::format("{}s", value.count() / 1000);
    return base::format("{}ms", value.count());
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string shown;
    while (!text.empty()) {
        if (shown.size() >= limit) return shown + "...";
        const std::size_t length = sequence_length(text);
        const auto lead = static_cast<unsigned char>(text.front());
        if (length == 0 || lead < 0x20 || lead == 0x7F) {
            shown += base::format("\\x{:02x}", lead);
            text.remove_prefix(1);
            continue;
        }
        shown += text.substr(0, length);
        text.remove_prefix(length);
    }
    return shown;
}

}  // namespace mew::options
