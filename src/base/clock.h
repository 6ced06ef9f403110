#pragma once
// Time as the loop sees it. Clock is the seam that tests replace; the loop reads it once a turn.
#include <chrono>

namespace mew::base {

using Milliseconds = std::chrono::milliseconds;
using MonotonicTime = std::chrono::steady_clock::time_point;

class Clock {
public:
    virtual ~Clock() = default;
    virtual MonotonicTime now() = 0;
};

class SteadyClock final : public Clock {
public:
    MonotonicTime now() override { return std::chrono::steady_clock::now(); }
};

}  // namespace mew::base
