#pragma once
// The streams of a connection that closed last, and whether their peers had said that nothing more
// comes on them. What comes all the same is an error (RFC 9113 5.1); what comes on a stream that we
// ended was on its way, and is none.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "http/codec.h"

namespace mew::http2 {

class ClosedStreams {
public:
    enum class State : std::uint8_t {
        unknown,  // it closed long ago
        unused,   // its peer went by it
        ended_by_us,
        ended_by_peer,
    };

    void add(http::StreamId stream, bool by_peer) {
        const std::uint32_t entry = stream << 1U | (by_peer ? 1U : 0U);
        if (last_.size() < kMost)
            last_.push_back(entry);
        else
            last_[next_++ % kMost] = entry;
    }

    // Of one that is not open, and not newer than all that were.
    State find(http::StreamId stream) const {
        for (const std::uint32_t entry : last_) {
            if (entry >> 1U != stream) continue;
            return (entry & 1U) != 0 ? State::ended_by_peer : State::ended_by_us;
        }
        return last_.size() < kMost ? State::unused : State::unknown;
    }

private:
    static constexpr std::size_t kMost = 128;
    std::vector<std::uint32_t> last_;
    std::size_t next_ = 0;
};

}  // namespace mew::http2
