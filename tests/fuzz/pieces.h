#pragma once
// What fuzz targets share: cutting an input into pieces as a network might, and ending the process
// with a story when a promise is broken. Everything comes from the input alone, so a finding is the
// same on every run.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace mew::fuzz {

// Sizes of pieces from a hash of the input (FNV-1a, then xorshift).
class Pieces {
public:
    explicit Pieces(std::string_view bytes) {
        for (const char c : bytes) {
            state_ = (state_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
        }
        state_ |= 1;
    }
    std::size_t next(std::size_t most) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        // Mostly short pieces: states are entered at their edges.
        const std::size_t bound = state_ % 4 == 0 ? most : std::min<std::size_t>(most, 9);
        return 1 + (state_ >> 8) % bound;
    }

private:
    std::uint64_t state_ = 14695981039346656037U;
};

// `take(piece)` for pieces of random size that together are `bytes`.
template <typename Take>
void in_pieces(std::string_view bytes, Take&& take) {
    Pieces pieces(bytes);
    while (!bytes.empty()) {
        const std::size_t size = pieces.next(bytes.size());
        take(bytes.substr(0, size));
        bytes.remove_prefix(size);
    }
}

// `tell()` gives the story, as a std::string, of what was seen.
template <typename Tell>
void require(bool holds, const char* promise, Tell&& tell) {
    if (holds) return;
    std::fprintf(stderr, "%s\n%s\n", promise, tell().c_str());
    std::abort();
}

}  // namespace mew::fuzz
