#pragma once
// The rescue thread of an inline worker: while the app keeps the loop's thread, nobody would answer
// to what becomes readable. Once a call lasts as long as kPatience, this thread runs the loop in
// its place: connections that become readable go on to other workers, slow readers get their bytes,
// time limits fire, the master's orders are heard. It never runs the app and knows no Python. When
// the call ends, the loop goes back at once.
//
//   owner:   loop --call begins--> calling --kPatience--> rescued --call ended--> wanted --> loop
//                                     \------------------call ended-------------------------/
//
// Around a fork by the app the thread is away (pause, resume): the process then has as many threads
// as the app started, which is what Python warns by. The loop stands still meanwhile.
//
// The steps are one atomic word; who it names owns the loop, so nothing of the loop needs a lock.
// While requests come, the thread looks every kPatience; it sleeps for good while the worker idles.

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>

#include "base/clock.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "os/fd.h"
#include "worker/core.h"

namespace mew::worker {

class Rescue final : private net::EventHandler {
public:
    static constexpr base::Milliseconds kPatience{5};

    // What the worker does around it; all of it runs on the rescue thread, which owns the loop.
    struct Duty {
        std::function<void()> begin;
        // After each turn, with the time since the call began, roughly.
        std::function<void(base::Milliseconds)> turn;
        std::function<void()> end;
    };

    Rescue(net::EventLoop& loop, Duty duty) : loop_(loop), duty_(std::move(duty)) {}
    ~Rescue() override;

    base::Result<void> start();

    // --- called by the loop's thread around each call of the app
    void on_call_begins();
    void on_call_ended();

    // --- called by the loop's thread, inside a call or outside; from others they do nothing
    void pause();
    void resume();
    bool paused() const { return paused_; }

    // It saw no call for a while and waits for the next one without looking.
    bool asleep() const { return asleep_.load() != 0; }

private:
    enum Owner : std::uint32_t { owner_loop, owner_calling, owner_rescued, owner_wanted };

    void on_event(std::uint32_t events) override;
    void main();
    bool look();
    void sleep_until_woken();
    void take_over();
    void take_back();
    void start_thread();
    void stop_thread();

    net::EventLoop& loop_;
    Duty duty_;
    os::Fd wake_;  // in the loop: "the call ended, give it back"
    std::atomic<std::uint32_t> owner_{owner_loop};
    std::atomic<std::uint64_t> calls_{0};
    std::atomic<std::uint32_t> asleep_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<pid_t> tid_{0};
    // The rescue thread's own.
    std::uint64_t seen_calls_ = 0;
    int quiet_looks_ = 0;
    // The loop's thread's own.
    std::thread thread_;
    std::thread::id home_;
    bool paused_ = false;
};

}  // namespace mew::worker
