#pragma once
// The head of a frame, RFC 6455 5.2:
//
//   byte 0   FIN, RSV1 to RSV3, four bits of opcode
//   byte 1   MASK, seven bits of length; 126: two more bytes hold it, 127: eight more
//   then     the key of the mask, four bytes, if MASK

#include <cstddef>
#include <cstdint>
#include <string>

#include "websocket/mask.h"

namespace mew::websocket {

enum class Opcode : std::uint8_t {
    continuation = 0,
    text = 1,
    binary = 2,
    close = 8,
    ping = 9,
    pong = 10
};

inline constexpr std::size_t kLongestFrameHead = 14;
inline constexpr std::size_t kMostControlBytes = 125;  // RFC 6455 5.5

struct FrameHead {
    bool final = false;
    bool compressed = false;  // RSV1, as RFC 7692 has it
    bool reserved = false;    // RSV2 or RSV3
    bool masked = false;
    bool minimal = true;  // the length took no more bytes than it had to
    std::uint8_t opcode = 0;
    std::uint64_t length = 0;
    MaskKey key{};

    bool is_control() const { return (opcode & 8) != 0; }
    bool is_known() const { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }
};

// Bytes of a head whose second byte is this one.
constexpr std::size_t frame_head_size(std::uint8_t second) {
    const int length = second & 127;
    const std::size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
    return 2 + more + ((second & 128) != 0 ? 4 : 0);
}

// `bytes` hold the whole head.
inline FrameHead read_frame_head(const std::uint8_t* bytes) {
    FrameHead head;
    head.final = (bytes[0] & 128) != 0;
    head.compressed = (bytes[0] & 64) != 0;
    head.reserved = (bytes[0] & 48) != 0;
    head.opcode = bytes[0] & 15;
    head.masked = (bytes[1] & 128) != 0;
    head.length = bytes[1] & 127;
    std::size_t at = 2;
    if (head.length >= 126) {
        const std::size_t size = head.length == 126 ? 2 : 8;
        head.length = 0;
        for (; at < 2 + size; ++at) head.length = head.length << 8 | bytes[at];
        head.minimal = size == 2 ? head.length > 125 : head.length > 0xffff;
    }
    if (head.masked) {
        for (std::size_t i = 0; i < 4; ++i) head.key[i] = bytes[at + i];
    }
    return head;
}

// Appends the head of a whole message; `key`: or nullptr where no mask is due.
inline void append_frame_head(Opcode opcode, bool compressed, std::uint64_t length,
                              const MaskKey* key, std::string& out) {
    const std::uint8_t mask = key != nullptr ? 128 : 0;
    out.push_back(static_cast<char>(128 | (compressed ? 64 : 0) | static_cast<int>(opcode)));
    int bytes = 0;
    if (length < 126) {
        out.push_back(static_cast<char>(mask | length));
    } else {
        bytes = length <= 0xffff ? 2 : 8;
        out.push_back(static_cast<char>(mask | (bytes == 2 ? 126 : 127)));
    }
    while (bytes-- > 0) out.push_back(static_cast<char>(length >> (8 * bytes)));
    if (key != nullptr) out.append(reinterpret_cast<const char*>(key->data()), key->size());
}

}  // namespace mew::websocket
