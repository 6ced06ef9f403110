#pragma once
// Time limits of connections. Each kind of limit lasts the same for everybody, so a list per kind,
// in order of arming, is sorted by itself: arming is two pointer swaps, and one timer of the loop
// watches the earliest. No connection, no timer: an idle worker sleeps for good.

#include <array>
#include <cstdint>

#include "base/clock.h"
#include "base/intrusive_list.h"
#include "net/event_loop.h"

namespace mew::client {

enum class Limit : std::uint8_t {
    none,
    header,
    body,
    keepalive,
    send,
    linger,
    queue,
    handshake,
    ping,     // a WebSocket's next one is due
    pong,     // its answer
    closing,  // the answer to a WebSocket's close frame
};
inline constexpr std::size_t kLimits = 11;

struct DeadlineTag;

class Timed : public base::ListNode<DeadlineTag> {
public:
    // The limit's time is over; it is no longer armed.
    virtual void on_limit(Limit limit) = 0;
    Limit limit() const { return limit_; }

protected:
    virtual ~Timed() = default;

private:
    friend class Deadlines;
    Limit limit_ = Limit::none;
    base::MonotonicTime due_{};
};

class Deadlines {
public:
    explicit Deadlines(net::EventLoop& loop) : loop_(loop) {}
    ~Deadlines();

    // Zero switches the limit off.
    void set_duration(Limit limit, base::Milliseconds duration) {
        durations_[static_cast<std::size_t>(limit)] = duration;
    }
    base::Milliseconds duration(Limit limit) const {
        return durations_[static_cast<std::size_t>(limit)];
    }
    // Replaces whatever limit was armed on it.
    void arm(Timed& timed, Limit limit);
    void disarm(Timed& timed);
    // As arm(), for one that has spent some of its time elsewhere: `left` of it.
    void arm_rest(Timed& timed, Limit limit, base::Milliseconds left);
    base::Milliseconds left(const Timed& timed) const;
    // Who would be the next that this limit meets; nullptr: nobody is under it.
    Timed* first(Limit limit);

private:
    using List = base::IntrusiveList<Timed, DeadlineTag>;
    void watch(base::MonotonicTime due);
    void expire();
    base::MonotonicTime expire_odd();
    void fire(Timed& timed);

    net::EventLoop& loop_;
    std::array<List, kLimits> lists_;
    List odd_;  // those whose time is not the whole one; in no order
    std::array<base::Milliseconds, kLimits> durations_{};
    net::TimerId timer_ = 0;
    base::MonotonicTime timer_due_{};
};

}  // namespace mew::client
