#include "log/escape.h"

#include <array>
#include <cstddef>
#include <cstdint>

namespace mew::log {
namespace {

constexpr char kHex[] = "0123456789abcdef";

constexpr std::array<bool, 256> make_plain_table() {
    std::array<bool, 256> plain{};
    for (int c = 0x20; c < 0x7f; ++c) plain[static_cast<std::size_t>(c)] = c != '\\';
    return plain;
}
constexpr auto kPlain = make_plain_table();

constexpr std::array<bool, 256> make_json_plain_table() {
    auto plain = make_plain_table();
    plain['"'] = false;
    return plain;
}
constexpr auto kJsonPlain = make_json_plain_table();

std::uint8_t byte_at(std::string_view text, std::size_t i) {
    return static_cast<std::uint8_t>(text[i]);
}

// A multi-byte sequence of UTF-8 (Unicode, table 3-7): how long it is, or how many bytes of it
// are the maximal bad part.
struct Sequence {
    std::size_t size;
    bool good;
};

// Lead byte: number of continuation bytes and the range of the first one, which excludes overlong
// forms, surrogates and what lies past U+10FFFF.
struct Lead {
    std::size_t rest = 0;
    std::uint8_t low = 0x80;
    std::uint8_t high = 0xbf;
};

Lead lead_of(std::uint8_t c) {
    if (c >= 0xc2 && c <= 0xdf) return {1};
    if (c == 0xe0) return {2, 0xa0, 0xbf};
    if (c == 0xed) return {2, 0x80, 0x9f};
    if (c >= 0xe1 && c <= 0xef) return {2};
    if (c == 0xf0) return {3, 0x90, 0xbf};
    if (c >= 0xf1 && c <= 0xf3) return {3};
    if (c == 0xf4) return {3, 0x80, 0x8f};
    return {};
}

Sequence sequence_at(std::string_view text, std::size_t start) {
    const Lead lead = lead_of(byte_at(text, start));
    if (lead.rest == 0) return {1, false};
    for (std::size_t i = 1; i <= lead.rest; ++i) {
        if (start + i >= text.size()) return {i, false};
        const std::uint8_t c = byte_at(text, start + i);
        const bool fits = i == 1 ? c >= lead.low && c <= lead.high : c >= 0x80 && c <= 0xbf;
        if (!fits) return {i, false};
    }
    return {lead.rest + 1, true};
}

void append_json_control(std::string& out, std::uint8_t c) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\b':
            out += "\\b";
            return;
        case '\f':
            out += "\\f";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            break;
    }
    const char text[] = {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
    out.append(text, sizeof text);
}

}  // namespace

void append_printable(std::string& out, std::string_view bytes) {
    std::size_t done = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const std::uint8_t c = byte_at(bytes, i);
        if (kPlain[c]) continue;
        out.append(bytes, done, i - done);
        const char text[] = {'\\', 'x', kHex[c >> 4], kHex[c & 15]};
        out.append(text, sizeof text);
        done = i + 1;
    }
    out.append(bytes, done, bytes.size() - done);
}

std::string printable(std::string_view bytes) {
    std::string out;
    append_printable(out, bytes);
    return out;
}

void append_json_text(std::string& out, std::string_view bytes) {
    std::size_t i = 0;
    while (i < bytes.size()) {
        std::size_t run = i;
        while (run < bytes.size() && kJsonPlain[byte_at(bytes, run)]) ++run;
        out.append(bytes, i, run - i);
        i = run;
        if (i == bytes.size()) break;
        const std::uint8_t c = byte_at(bytes, i);
        if (c < 0x80) {
            append_json_control(out, c);
            ++i;
            continue;
        }
        const Sequence sequence = sequence_at(bytes, i);
        if (sequence.good)
            out.append(bytes, i, sequence.size);
        else
            out += "\xef\xbf\xbd";
        i += sequence.size;
    }
}

void append_json_string(std::string& out, std::string_view bytes) {
    out += '"';
    append_json_text(out, bytes);
    out += '"';
}

}  // namespace mew::log
