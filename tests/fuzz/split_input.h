#pragma once
// An input that says itself how it is cut, so that the fuzzer chooses the pieces: one byte of
// flags, one byte N of which the low four bits count, N sizes of pieces used round and round, and
// the wire. No size, or only zeros: one piece.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace mew::fuzz {

struct SplitInput {
    explicit SplitInput(std::string_view bytes) {
        if (bytes.size() < 2) return;
        flags = static_cast<std::uint8_t>(bytes[0]);
        const auto count = std::min<std::size_t>(bytes[1] & 15, bytes.size() - 2);
        for (std::size_t i = 0; i < count; ++i) {
            sizes.push_back(static_cast<unsigned char>(bytes[2 + i]));
        }
        wire = bytes.substr(2 + count);
    }

    // Sizes of what has arrived, growing up to the whole.
    std::vector<std::size_t> arrivals() const {
        std::vector<std::size_t> all;
        std::size_t at = 0;
        for (std::size_t i = 0; at < wire.size(); ++i) {
            // A zero is an arrival of nothing, as a spurious wake-up brings it.
            const std::size_t size = sizes.empty() ? wire.size() : sizes[i % sizes.size()];
            at = i > 4 * wire.size() ? wire.size() : std::min(wire.size(), at + size);
            all.push_back(at);
        }
        return all;
    }

    std::uint8_t flags = 0;
    std::vector<std::size_t> sizes;
    std::string_view wire;
};

}  // namespace mew::fuzz
