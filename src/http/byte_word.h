#pragma once
// Eight bytes at a time in an ordinary register, on any machine: no byte order and no alignment is
// asked for. Heads are read by these, as most of their bytes need only be known to be harmless.

#include <cstdint>
#include <cstring>
#include <string_view>

namespace mew::http::byte_word {

inline constexpr std::uint64_t kOnes = 0x0101010101010101;
inline constexpr std::uint64_t kHighBits = kOnes * 0x80;

template <typename Word = std::uint64_t>
Word load(const char* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

// Nonzero if any byte is below `bound`, which is at most 0x80.
constexpr std::uint64_t any_below(std::uint64_t word, std::uint8_t bound) {
    return (word - kOnes * bound) & ~word & kHighBits;
}
constexpr std::uint64_t any_equal(std::uint64_t word, std::uint8_t byte) {
    return any_below(word ^ (kOnes * byte), 1);
}

// Is `holds(word)` true for all of `text`, of eight bytes or more? The last word overlaps the one
// before it.
template <typename Holds>
bool all(std::string_view text, Holds&& holds) {
    const char* const last = text.data() + text.size() - sizeof(std::uint64_t);
    for (const char* at = text.data(); at < last; at += sizeof(std::uint64_t)) {
        if (!holds(load(at))) return false;
    }
    return holds(load(last));
}

}  // namespace mew::http::byte_word
