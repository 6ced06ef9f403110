#pragma once
// What a process that the master leads has to do in time. One at a time, each in the place of the
// one before; it goes on across an upgrade.

#include <functional>
#include <string>

#include "master/state.h"
#include "net/event_loop.h"

namespace mew::master {

class Deadline {
public:
    // Called once it is over; by then it is none any more.
    using OnMissed = std::function<void(const state::Deadline& missed)>;

    Deadline(net::EventLoop& loop, OnMissed on_missed)
        : loop_(loop), on_missed_(std::move(on_missed)) {}
    ~Deadline() { stop(); }
    Deadline(const Deadline&) = delete;
    Deadline& operator=(const Deadline&) = delete;

    // `missed`: what is said when it is over. `of_start`: a worker's, to become ready.
    void start(base::Milliseconds delay, std::string missed, bool of_start = false);
    void stop();
    bool running() const { return said_.running; }
    base::MonotonicTime due() const { return said_.due; }

    const state::Deadline& to_state() const { return said_; }
    void take_over(const state::Deadline& from);

private:
    net::EventLoop& loop_;
    OnMissed on_missed_;
    net::TimerId timer_ = 0;
    state::Deadline said_;
};

}  // namespace mew::master
