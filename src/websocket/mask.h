#pragma once
// Masking of RFC 6455 5.3: four bytes, round and round, by which every byte a client sends is
// xor-ed. The same call masks and unmasks.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace mew::websocket {

using MaskKey = std::array<std::uint8_t, 4>;

// In place; returns the key as it goes on behind these bytes.
inline MaskKey apply_mask(char* bytes, std::size_t size, MaskKey key) {
    std::array<std::uint8_t, 8> twice;
    for (std::size_t i = 0; i < 8; ++i) twice[i] = key[i % 4];
    std::uint64_t word;
    std::memcpy(&word, twice.data(), sizeof word);
    std::size_t at = 0;
    // Four words a turn: compilers make vector instructions of it.
    for (; size - at >= 32; at += 32) {
        std::array<std::uint64_t, 4> block;
        std::memcpy(block.data(), bytes + at, sizeof block);
        for (std::uint64_t& part : block) part ^= word;
        std::memcpy(bytes + at, block.data(), sizeof block);
    }
    for (; size - at >= 8; at += 8) {
        std::uint64_t part;
        std::memcpy(&part, bytes + at, sizeof part);
        part ^= word;
        std::memcpy(bytes + at, &part, sizeof part);
    }
    for (; at < size; ++at) bytes[at] = static_cast<char>(bytes[at] ^ twice[at % 8]);
    return {twice[size % 4], twice[size % 4 + 1], twice[size % 4 + 2], twice[size % 4 + 3]};
}

}  // namespace mew::websocket
