#pragma once
// Sees the frames in the bytes of a connection that nghttp2 drops without a word: DATA on streams
// that it forgot, and PRIORITY, in whose place RFC 9218 came.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace mew::http2 {

class FrameWatch {
public:
    struct Seen {
        bool priority = false;  // else DATA
        std::uint32_t stream = 0;
        std::uint32_t depends_on = 0;  // of PRIORITY
    };

    // `before`: bytes that come before the first frame.
    explicit FrameWatch(std::size_t before) : skip_(before) {}

    // The next of them, and `bytes` are what comes after the byte by which it was known: its head's
    // last, or the fourth of a priority. None: all of `bytes` was looked at.
    std::optional<Seen> next(std::string_view& bytes) {
        while (!bytes.empty()) {
            if (const std::size_t passed = std::min(skip_, bytes.size()); passed != 0) {
                skip_ -= passed;
                bytes.remove_prefix(passed);
                continue;
            }
            start_[have_++] = static_cast<std::uint8_t>(bytes.front());
            bytes.remove_prefix(1);
            if (have_ != wanted()) continue;
            const Seen seen{is_priority(), id(5), is_priority() ? id(kHead) : 0};
            const bool data = start_[3] == kData;
            skip_ = number(0, 3) + kHead - have_;
            have_ = 0;
            if (data || seen.priority) return seen;
        }
        return std::nullopt;
    }

private:
    static constexpr std::size_t kHead = 9;
    static constexpr std::uint8_t kData = 0;
    static constexpr std::uint8_t kPriority = 2;
    static constexpr std::size_t kPriorityLength = 5;

    std::uint32_t number(std::size_t at, std::size_t bytes) const {
        std::uint32_t value = 0;
        for (std::size_t i = at; i < at + bytes; ++i) value = value << 8U | start_[i];
        return value;
    }
    std::uint32_t id(std::size_t at) const { return number(at, 4) & 0x7fffffffU; }
    // Of another length it is an error that nghttp2 finds.
    bool is_priority() const { return start_[3] == kPriority && number(0, 3) == kPriorityLength; }
    std::size_t wanted() const { return have_ < kHead || !is_priority() ? kHead : kHead + 4; }

    std::array<std::uint8_t, kHead + 4> start_{};  // of a frame
    std::size_t have_ = 0;
    std::size_t skip_;
};

}  // namespace mew::http2
