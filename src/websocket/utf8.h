#pragma once
// UTF-8 in pieces (RFC 3629): a text message may be cut anywhere, inside a character too, and must
// fail as soon as a byte cannot be right. No overlong forms, no surrogates, nothing above U+10FFFF.

#include <cstdint>
#include <string_view>

namespace mew::websocket {

class Utf8 {
public:
    // False: with this piece it is no UTF-8, whatever follows.
    bool take(std::string_view piece);
    // Does no character miss bytes?
    bool complete() const { return missing_ == 0; }
    void reset() { *this = {}; }

private:
    bool begin(std::uint8_t byte);

    std::uint8_t missing_ = 0;  // continuation bytes of the character that was begun
    std::uint8_t low_ = 0x80;   // bounds of the next of them
    std::uint8_t high_ = 0xbf;
};

// All of `text`, at once.
bool is_utf8(std::string_view text);
// How much of `text`, which is UTF-8, goes into `most` bytes without cutting a character.
std::string_view cut_utf8(std::string_view text, std::size_t most);

}  // namespace mew::websocket
