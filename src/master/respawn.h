#pragma once
// When to fill an empty place again: at once, except after a death before `ready`, when the delay
// doubles from one death to the next, so that what cannot start costs nearly nothing.

#include <algorithm>
#include <functional>
#include <utility>

#include "base/clock.h"
#include "net/event_loop.h"

namespace mew::master {

class Respawn {
public:
    static constexpr base::Milliseconds kFirst{100};
    static constexpr base::Milliseconds kLongest{10000};

    explicit Respawn(net::EventLoop& loop) : loop_(&loop) {}
    Respawn(Respawn&& other) noexcept
        : loop_(other.loop_), delay_(other.delay_), timer_(std::exchange(other.timer_, 0)) {}
    Respawn& operator=(Respawn&&) = delete;
    ~Respawn() { cancel(); }

    void on_ready() { delay_ = base::Milliseconds{0}; }
    // The delay that this death earns.
    base::Milliseconds on_death(bool was_ready) {
        if (was_ready) return delay_ = base::Milliseconds{0};
        delay_ = delay_.count() == 0 ? kFirst : std::min(delay_ * 2, kLongest);
        return delay_;
    }
    void schedule(std::function<void()> action, base::Milliseconds at_least = {}) {
        cancel();
        timer_ = loop_->start_timer(std::max(delay_, at_least), [this, action = std::move(action)] {
            timer_ = 0;
            action();
        });
    }
    void cancel() {
        if (timer_ != 0) loop_->cancel_timer(timer_);
        timer_ = 0;
    }
    bool waiting() const { return timer_ != 0; }
    base::Milliseconds delay() const { return delay_; }
    // As it was before an upgrade.
    void set_delay(base::Milliseconds delay) { delay_ = delay; }

private:
    net::EventLoop* loop_;
    base::Milliseconds delay_{0};
    net::TimerId timer_ = 0;
};

}  // namespace mew::master
