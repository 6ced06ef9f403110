#include "websocket/utf8.h"

#include "http/byte_word.h"

namespace mew::websocket {
namespace {

constexpr bool is_continuation(char c) { return (static_cast<std::uint8_t>(c) & 0xc0) == 0x80; }

// Bytes of ASCII at the start of `text`, all of them or a few less.
std::size_t ascii_prefix(std::string_view text) {
    namespace byte_word = http::byte_word;
    std::size_t at = 0;
    for (; text.size() - at >= 32; at += 32) {
        const char* const from = text.data() + at;
        const std::uint64_t all = byte_word::load(from) | byte_word::load(from + 8) |
                                  byte_word::load(from + 16) | byte_word::load(from + 24);
        if ((all & byte_word::kHighBits) != 0) break;
    }
    for (; text.size() - at >= 8; at += 8) {
        if ((byte_word::load(text.data() + at) & byte_word::kHighBits) != 0) break;
    }
    return at;
}

}  // namespace

bool Utf8::take(std::string_view piece) {
    std::size_t at = 0;
    while (at < piece.size()) {
        const auto byte = static_cast<std::uint8_t>(piece[at]);
        if (missing_ != 0) {
            if (byte < low_ || byte > high_) return false;
            low_ = 0x80;
            high_ = 0xbf;
            --missing_;
            ++at;
        } else if (byte < 0x80) {
            const std::size_t run = ascii_prefix(piece.substr(at));
            at += run != 0 ? run : 1;
        } else {
            if (!begin(byte)) return false;
            ++at;
        }
    }
    return true;
}

// RFC 3629 4: the first byte says how many follow, and where the second one must lie.
bool Utf8::begin(std::uint8_t byte) {
    if (byte < 0xc2 || byte > 0xf4) return false;
    if (byte < 0xe0) {
        missing_ = 1;
    } else if (byte < 0xf0) {
        missing_ = 2;
        if (byte == 0xe0) low_ = 0xa0;
        if (byte == 0xed) high_ = 0x9f;
    } else {
        missing_ = 3;
        if (byte == 0xf0) low_ = 0x90;
        if (byte == 0xf4) high_ = 0x8f;
    }
    return true;
}

bool is_utf8(std::string_view text) {
    Utf8 check;
    return check.take(text) && check.complete();
}

std::string_view cut_utf8(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    while (most > 0 && is_continuation(text[most])) --most;
    return text.substr(0, most);
}

}  // namespace mew::websocket
