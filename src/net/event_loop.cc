#include "net/event_loop.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace mew::net {

namespace {
constexpr int kBatch = 128;
constexpr unsigned kQuiet = 8;
}  // namespace

EventLoop::EventLoop(base::Clock& clock) : clock_(clock), now_(clock.now()) {
    batch_.events.resize(kBatch);
}

EventLoop::~EventLoop() { destroy_doomed(); }

base::Result<void> EventLoop::open() {
    epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    if (!epoll_) return base::fail_errno("cannot make an epoll descriptor");
    return {};
}

base::Result<void> EventLoop::add(int fd, std::uint32_t events, EventHandler& handler) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &handler;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        return base::fail_errno("cannot watch descriptor " + std::to_string(fd));
    }
    return {};
}

base::Result<void> EventLoop::modify(int fd, std::uint32_t events, EventHandler& handler) {
    epoll_event event{};
    event.events = events;
    event.data.ptr = &handler;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
        return base::fail_errno("cannot change the watch on descriptor " + std::to_string(fd));
    }
    return {};
}

void EventLoop::remove(int fd, EventHandler& handler) {
    // The descriptor may be closed by now, and epoll has then forgotten it by itself.
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    for (Batch* batch : {&batch_, &nested_}) {
        for (int i = 0; i < batch->size; ++i) {
            epoll_event& event = batch->events[static_cast<std::size_t>(i)];
            if (event.data.ptr == &handler) event.data.ptr = nullptr;
        }
    }
}

TimerId EventLoop::start_timer(base::Milliseconds delay, std::function<void()> callback) {
    const TimerId id = next_timer_++;
    // From the real time, not the turn's: a turn that ran an app for seconds must not make a timer
    // that it starts fire at once.
    timers_.push_back(Timer{clock_.now() + delay, id, std::move(callback)});
    std::push_heap(timers_.begin(), timers_.end(), TimerLater{});
    return id;
}

void EventLoop::cancel_timer(TimerId id) {
    for (Timer& timer : timers_) {
        if (timer.id == id) timer.callback = nullptr;
    }
}

void EventLoop::drop_cancelled_timers() {
    while (!timers_.empty() && !timers_.front().callback) {
        std::pop_heap(timers_.begin(), timers_.end(), TimerLater{});
        timers_.pop_back();
    }
}

int EventLoop::wait_milliseconds(base::Milliseconds limit) {
    drop_cancelled_timers();
    std::int64_t wait = limit.count();
    if (!timers_.empty()) {
        const auto left = timers_.front().due - clock_.now();
        // Rounded up, else the last partial millisecond is spent in turns that do nothing.
        const auto due =
            std::max<std::int64_t>(0, std::chrono::ceil<base::Milliseconds>(left).count());
        wait = wait < 0 ? due : std::min(wait, due);
    }
    return static_cast<int>(std::min<std::int64_t>(wait, 1'000'000'000));
}

int EventLoop::poll() { return ::epoll_wait(epoll_.get(), batch_.events.data(), kBatch, 0); }

int EventLoop::wait_for_events(base::Milliseconds limit) {
    // Nobody has to be told of a wait: the kernel is asked once, and blocks or not.
    if (hooks_.before_wait == nullptr)
        return ::epoll_wait(epoll_.get(), batch_.events.data(), kBatch, wait_milliseconds(limit));
    // While each turn has to wait, to ask first is a call for nothing; now and then it is not.
    const bool ask = quiet_turns_ < kQuiet || quiet_turns_ % kQuiet == 0;
    if (ask) {
        const int there = poll();
        quiet_turns_ = there == 0 ? quiet_turns_ + 1 : 0;
        if (there != 0) return there;
    } else {
        ++quiet_turns_;
    }
    // Only now: a busy turn reads the clock once, when its events are here.
    const int milliseconds = wait_milliseconds(limit);
    if (milliseconds == 0) return ask ? 0 : poll();
    if (hooks_.before_wait) hooks_.before_wait(hooks_.context);
    const int count = ::epoll_wait(epoll_.get(), batch_.events.data(), kBatch, milliseconds);
    const int error = errno;
    if (hooks_.after_wait) hooks_.after_wait(hooks_.context);
    errno = error;
    return count;
}

void EventLoop::fire_due_timers() {
    while (!timers_.empty() && timers_.front().due <= now_) {
        std::pop_heap(timers_.begin(), timers_.end(), TimerLater{});
        auto callback = std::move(timers_.back().callback);
        timers_.pop_back();
        if (callback) callback();
    }
}

void EventLoop::destroy_doomed() {
    // A destructor may retire further objects.
    while (!doomed_.empty()) {
        auto batch = std::exchange(doomed_, {});
        for (const Doomed& doomed : batch) doomed.destroy(doomed.object);
    }
}

void EventLoop::handle(Batch& batch, int count) {
    MEW_CHECK(count >= 0 || errno == EINTR);
    now_ = clock_.now();
    batch.size = std::max(count, 0);
    for (int i = 0; i < batch.size; ++i) {
        const epoll_event& event = batch.events[static_cast<std::size_t>(i)];
        if (event.data.ptr != nullptr) {
            static_cast<EventHandler*>(event.data.ptr)->on_event(event.events);
        }
    }
    batch.size = 0;
    fire_due_timers();
    destroy_doomed();
}

int EventLoop::run_once(base::Milliseconds limit) {
    const int count = wait_for_events(limit);
    handle(batch_, count);
    return std::max(count, 0);
}

int EventLoop::run_nested(base::Milliseconds limit) {
    nested_.events.resize(kBatch);
    const int count =
        ::epoll_wait(epoll_.get(), nested_.events.data(), kBatch, wait_milliseconds(limit));
    handle(nested_, count);
    return std::max(count, 0);
}

void EventLoop::run() {
    while (!stopped_) run_once();
}

}  // namespace mew::net
