#include "websocket/accept_key.h"

#include <bit>
#include <cstddef>

namespace mew::websocket {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

using State = std::array<std::uint32_t, 5>;

std::uint32_t byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]);
}

std::uint32_t mix(int round, const State& s) {
    if (round < 20) return ((s[1] & s[2]) | (~s[1] & s[3])) + 0x5a827999;
    if (round < 40) return (s[1] ^ s[2] ^ s[3]) + 0x6ed9eba1;
    if (round < 60) return ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])) + 0x8f1bbcdc;
    return (s[1] ^ s[2] ^ s[3]) + 0xca62c1d6;
}

// `block` is 64 bytes.
void add_block(std::string_view block, State& state) {
    std::array<std::uint32_t, 80> words;
    for (std::size_t i = 0; i < 16; ++i) {
        words[i] = byte_at(block, 4 * i) << 24 | byte_at(block, 4 * i + 1) << 16 |
                   byte_at(block, 4 * i + 2) << 8 | byte_at(block, 4 * i + 3);
    }
    for (std::size_t i = 16; i < 80; ++i) {
        words[i] = std::rotl(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    }
    State s = state;
    for (int i = 0; i < 80; ++i) {
        const std::uint32_t next =
            std::rotl(s[0], 5) + mix(i, s) + s[4] + words[static_cast<std::size_t>(i)];
        s = {next, s[0], std::rotl(s[1], 30), s[2], s[3]};
    }
    for (std::size_t i = 0; i < 5; ++i) state[i] += s[i];
}

}  // namespace

std::array<std::uint8_t, 20> sha1(std::string_view bytes) {
    State state{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    const std::uint64_t bits = std::uint64_t{bytes.size()} * 8;
    while (bytes.size() >= 64) {
        add_block(bytes.substr(0, 64), state);
        bytes.remove_prefix(64);
    }
    std::string rest(bytes);
    rest.push_back('\x80');
    while (rest.size() % 64 != 56) rest.push_back('\0');
    for (int shift = 56; shift >= 0; shift -= 8) rest.push_back(static_cast<char>(bits >> shift));
    for (std::size_t at = 0; at < rest.size(); at += 64) {
        add_block(std::string_view(rest).substr(at, 64), state);
    }
    std::array<std::uint8_t, 20> digest;
    for (std::size_t i = 0; i < digest.size(); ++i) {
        digest[i] = static_cast<std::uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
    }
    return digest;
}

std::string base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t count = bytes.size() - at < 3 ? bytes.size() - at : 3;
        std::uint32_t group = byte_at(bytes, at) << 16;
        if (count > 1) group |= byte_at(bytes, at + 1) << 8;
        if (count > 2) group |= byte_at(bytes, at + 2);
        text.push_back(kAlphabet[group >> 18]);
        text.push_back(kAlphabet[group >> 12 & 63]);
        text.push_back(count > 1 ? kAlphabet[group >> 6 & 63] : '=');
        text.push_back(count > 2 ? kAlphabet[group & 63] : '=');
    }
    return text;
}

bool is_key(std::string_view text) {
    return text.size() == 24 && text.substr(22) == "==" &&
           text.substr(0, 22).find_first_not_of(kAlphabet) == std::string_view::npos;
}

std::string accept_key(std::string_view key) {
    const auto digest = sha1(std::string(key).append(kGuid));
    return base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

}  // namespace mew::websocket
