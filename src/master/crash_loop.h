#pragma once
// Do the workers of a generation die again and again? Counted are deaths of their own making: not
// those that were ordered, nor a SIGKILL from outside. Looping begins with several deaths within a
// window and ends when a window passed without one. Owned by its generation.

#include <cstddef>
#include <deque>

#include "base/clock.h"

namespace mew::master {

class CrashLoop {
public:
    static constexpr std::chrono::seconds kWindow{30};
    static constexpr std::size_t kFewest = 3;  // deaths that make a loop, with one worker or two

    explicit CrashLoop(std::size_t slots) : most_(slots * 2 > kFewest ? slots * 2 : kFewest) {}

    // True: with this death the loop began.
    bool note(base::MonotonicTime now) {
        forget(now);
        const bool before = looping(now);
        deaths_.push_back(now);
        return !before && looping(now);
    }
    bool looping(base::MonotonicTime now) const {
        std::size_t recent = 0;
        for (const base::MonotonicTime death : deaths_) recent += now - death <= kWindow ? 1U : 0U;
        return recent >= most_;
    }
    std::size_t deaths() const { return deaths_.size(); }

private:
    void forget(base::MonotonicTime now) {
        while (!deaths_.empty() && now - deaths_.front() > kWindow) deaths_.pop_front();
    }

    std::size_t most_;
    std::deque<base::MonotonicTime> deaths_;
};

}  // namespace mew::master
