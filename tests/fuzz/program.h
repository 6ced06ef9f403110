#pragma once
// An input as a program: bytes, numbers and texts taken from its front. What is missing is zero, so
// that every input is one.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace mew::fuzz {

class Program {
public:
    Program(const std::uint8_t* data, std::size_t size)
        : bytes_(reinterpret_cast<const char*>(data), size) {}

    bool empty() const { return bytes_.empty(); }
    std::uint8_t byte() { return static_cast<std::uint8_t>(number(1)); }
    // One of 0 .. count - 1.
    std::uint32_t one_of(std::uint32_t count) { return byte() % count; }
    // Little endian.
    std::uint32_t word() { return static_cast<std::uint32_t>(number(2)); }
    std::uint64_t number(std::size_t size) {
        std::uint64_t value = 0;
        const std::string_view taken = take(size);
        for (std::size_t i = 0; i < taken.size(); ++i)
            value |= std::uint64_t{static_cast<unsigned char>(taken[i])} << (8 * i);
        return value;
    }
    // A byte of size, then so many.
    std::string_view text() { return take(byte()); }

private:
    std::string_view take(std::size_t size) {
        const std::string_view taken = bytes_.substr(0, std::min(size, bytes_.size()));
        bytes_.remove_prefix(taken.size());
        return taken;
    }

    std::string_view bytes_;
};

}  // namespace mew::fuzz
