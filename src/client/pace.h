#pragma once
// How long a client has made us wait for one body, or with one answer, against what it may: the
// limit of silence once, and beyond that a second for every `http-min-rate` bytes that it moved. A
// trickle that never falls silent is thus cut too.

#include <cstdint>

#include "base/clock.h"

namespace mew::client {

class Pace {
public:
    using Duration = base::MonotonicTime::duration;

    void restart() { *this = Pace(); }
    // The time until stop() counts.
    void start(base::MonotonicTime now) {
        if (waiting_) return;
        waiting_ = true;
        since_ = now;
    }
    void stop(base::MonotonicTime now) {
        waited_ = waited(now);
        waiting_ = false;
    }
    Duration waited(base::MonotonicTime now) const {
        return waiting_ ? waited_ + (now - since_) : waited_;
    }
    // `bytes` moved so far; `rate` in bytes a second, 0: no such limit.
    bool too_slow(base::MonotonicTime now, std::uint64_t bytes, std::uint64_t rate,
                  base::Milliseconds grace) const {
        if (rate == 0) return false;
        return waited(now) > grace + std::chrono::milliseconds(bytes * 1000 / rate);
    }

private:
    Duration waited_{};
    base::MonotonicTime since_{};
    bool waiting_ = false;
};

}  // namespace mew::client
