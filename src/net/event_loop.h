#pragma once
// The event loop: epoll and timers, one per process, no locks. Used by the master, workers and
// every later role. A handler is registered once, level-triggered, and stays; the steady state of
// a connection needs no epoll_ctl.
//
// Objects that a callback retires are destroyed after the batch of events that retired them
// (defer_delete), so no callback ever runs on a dead object.

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "os/fd.h"

namespace mew::net {

class EventHandler {
public:
    virtual ~EventHandler() = default;
    // `events` is a set of EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR, EPOLLRDHUP.
    virtual void on_event(std::uint32_t events) = 0;
};

using TimerId = std::uint64_t;  // 0: no timer

class EventLoop {
public:
    explicit EventLoop(base::Clock& clock);
    ~EventLoop();

    // Fails if the kernel refuses an epoll descriptor (limits).
    base::Result<void> open();
    int fd() const { return epoll_.get(); }
    base::Clock& clock() const { return clock_; }

    base::Result<void> add(int fd, std::uint32_t events, EventHandler& handler);
    base::Result<void> modify(int fd, std::uint32_t events, EventHandler& handler);
    // Events of this batch that are still queued for `handler` are dropped.
    void remove(int fd, EventHandler& handler);

    // One-shot timers, millisecond grain.
    TimerId start_timer(base::Milliseconds delay, std::function<void()> callback);
    void cancel_timer(TimerId id);

    template <class T>
    void defer_delete(std::unique_ptr<T> object) {
        doomed_.push_back(Doomed{object.release(), [](void* p) { delete static_cast<T*>(p); }});
    }

    // Milliseconds until a timer is due; -1: there is none. For whoever waits in place of this
    // loop.
    int next_due() { return wait_milliseconds(base::Milliseconds{-1}); }
    // Time of the current turn: one clock read per turn.
    base::MonotonicTime now() const { return now_; }
    // After a callback that took long: reads the clock again.
    base::MonotonicTime refresh_now() { return now_ = clock_.now(); }

    // One turn: waits until an event, a due timer or `limit` (negative: none); returns the number
    // of events handled. `before_wait`/`after_wait` frame a wait that will block (the worker gives
    // the GIL back there); a turn that finds events at once calls neither.
    struct WaitHooks {
        void (*before_wait)(void* context) = nullptr;
        void (*after_wait)(void* context) = nullptr;
        void* context = nullptr;
    };
    void set_wait_hooks(WaitHooks hooks) { hooks_ = hooks; }
    int run_once(base::Milliseconds limit = base::Milliseconds{-1});
    // One turn inside a turn: while a handler of this loop keeps its thread, another thread that
    // was given the loop goes on with what is ready. No hooks, and the outer turn's events stay
    // its own, but for those of handlers that leave.
    int run_nested(base::Milliseconds limit);
    // Turns until stop() was called.
    void run();
    void stop() { stopped_ = true; }
    bool stopped() const { return stopped_; }

private:
    struct Doomed {
        void* object;
        void (*destroy)(void*);
    };
    struct Timer {
        base::MonotonicTime due;
        TimerId id;
        std::function<void()> callback;
    };
    struct TimerLater {
        bool operator()(const Timer& a, const Timer& b) const {
            return a.due != b.due ? a.due > b.due : a.id > b.id;
        }
    };

    int wait_milliseconds(base::Milliseconds limit);
    int poll();
    int wait_for_events(base::Milliseconds limit);
    void drop_cancelled_timers();
    void fire_due_timers();
    void destroy_doomed();

    base::Clock& clock_;
    os::Fd epoll_;
    base::MonotonicTime now_;
    WaitHooks hooks_;
    struct Batch {
        std::vector<epoll_event> events;
        int size = 0;
    };
    void handle(Batch& batch, int count);
    Batch batch_;
    Batch nested_;
    std::vector<Timer> timers_;  // heap, earliest first; a cancelled one has no callback
    TimerId next_timer_ = 1;
    std::vector<Doomed> doomed_;
    bool stopped_ = false;
    unsigned quiet_turns_ = 0;  // in a row, that had to wait
};

}  // namespace mew::net
