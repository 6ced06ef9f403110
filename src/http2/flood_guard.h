#pragma once
// How much of what costs us and brings no request a peer may send: resets (its own, and those that
// its faults made us send: CVE-2023-44487, CVE-2025-8671) and frames of control (PING, SETTINGS,
// PRIORITY, empty DATA: CVE-2019-9512 and its kin). A bucket of each, filled again with time.

#include <algorithm>
#include <cstdint>

#include "base/clock.h"

namespace mew::http2 {

class Allowance {
public:
    // `most` at once, `rate` a second in the long run.
    constexpr Allowance(std::uint32_t most, std::uint32_t rate)
        : most_(most), rate_(rate), left_(most) {}

    // False: there is none left. The clock is asked for the first one, and when there is none.
    bool take(base::Clock& clock) {
        if (since_ == base::MonotonicTime{}) since_ = clock.now();
        if (left_ == 0) refill(clock.now());
        if (left_ == 0) return false;
        --left_;
        return true;
    }
    // For one that brought something.
    void give(std::uint32_t count) { left_ = std::min(most_, left_ + count); }

private:
    void refill(base::MonotonicTime now) {
        const auto earned = (now - since_) / std::chrono::milliseconds(1) * rate_ / 1000;
        if (earned <= 0) return;
        left_ = static_cast<std::uint32_t>(std::min<std::int64_t>(most_, earned));
        since_ = now;
    }

    std::uint32_t most_;
    std::uint32_t rate_;
    std::uint32_t left_;
    base::MonotonicTime since_{};
};

}  // namespace mew::http2
