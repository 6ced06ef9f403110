#include "worker/rescue.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <system_error>
#include <utility>

#include "log/log.h"
#include "os/forked.h"
#include "os/futex.h"
#include "os/signals.h"

namespace mew::worker {

namespace {
// Looks without a call in between, after which the thread sleeps until the next one.
constexpr int kQuietLooks = 100;
}  // namespace

Rescue::~Rescue() {
    if (thread_.joinable()) stop_thread();
    if (home_ != std::thread::id()) loop_.remove(wake_.get(), *this);
}

base::Result<void> Rescue::start() {
    wake_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake_) return base::fail_errno("cannot make the rescue thread's wake-up");
    if (auto added = loop_.add(wake_.get(), EPOLLIN, *this); !added) return added;
    home_ = std::this_thread::get_id();
    start_thread();
    return {};
}

void Rescue::start_thread() {
    // Signals are for the thread that runs the app's handlers.
    const os::BlockedSignals blocked;
    thread_ = std::thread([this] { main(); });
    ::pthread_setname_np(thread_.native_handle(), "mewsgi-rescue");
}

void Rescue::stop_thread() {
    stopping_.store(true);
    asleep_.store(0);
    os::futex_wake(asleep_);
    thread_.join();
    os::wait_until_unlisted(tid_.exchange(0));
    stopping_.store(false);
}

void Rescue::pause() {
    if (!thread_.joinable() || std::this_thread::get_id() != home_) return;
    paused_ = true;
    std::uint32_t calling = owner_calling;
    const bool in_call = owner_.load() != owner_loop;
    if (in_call && !owner_.compare_exchange_strong(calling, owner_loop)) take_back();
    stop_thread();
    if (in_call) owner_.store(owner_calling);
}

void Rescue::resume() {
    if (!paused_ || std::this_thread::get_id() != home_ || os::is_forked_child()) return;
    try {
        start_thread();
        paused_ = false;
    } catch (const std::system_error& error) {
        // The next call tries again; until then this worker is one that nobody rescues.
        log::warning("no-rescue-thread", "cannot start the thread that guards long requests: {}",
                     error.what());
    }
}

void Rescue::on_call_begins() {
    if (paused_) resume();
    calls_.store(calls_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    owner_.exchange(owner_calling);  // before the look at asleep_, in one order for both threads
    if (asleep_.load() == 0) return;
    asleep_.store(0);
    os::futex_wake(asleep_);
}

void Rescue::on_call_ended() {
    if (os::is_forked_child()) end_forked_child();
    std::uint32_t calling = owner_calling;
    if (!owner_.compare_exchange_strong(calling, owner_loop)) take_back();
}

void Rescue::take_back() {
    owner_.store(owner_wanted);
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
    os::futex_wake(owner_);
    while (owner_.load() != owner_loop) os::futex_wait(owner_, owner_wanted);
}

void Rescue::on_event(std::uint32_t) {
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
}

void Rescue::main() {
    tid_.store(static_cast<pid_t>(::syscall(SYS_gettid)));
    while (!stopping_.load()) {
        if (look()) take_over();
        if (quiet_looks_ > kQuietLooks)
            sleep_until_woken();
        else
            os::futex_wait(asleep_, 0, kPatience);
    }
}

// True: one and the same call has been running since the last look, and the loop is ours now.
bool Rescue::look() {
    const std::uint64_t calls = calls_.load(std::memory_order_relaxed);
    const bool same = calls == std::exchange(seen_calls_, calls);
    quiet_looks_ = same ? quiet_looks_ + 1 : 0;
    std::uint32_t calling = owner_calling;
    return same && owner_.load() == owner_calling &&
           owner_.compare_exchange_strong(calling, owner_rescued);
}

void Rescue::sleep_until_woken() {
    asleep_.store(1);
    // A call that began just before saw 0 there.
    if (owner_.load() == owner_calling) asleep_.store(0);
    while (asleep_.load() == 1 && !stopping_.load()) os::futex_wait(asleep_, 1);
    quiet_looks_ = 0;
}

void Rescue::take_over() {
    base::SteadyClock clock;
    const base::MonotonicTime begun = clock.now();
    duty_.begin();
    while (owner_.load() == owner_rescued) {
        loop_.run_nested(base::Milliseconds{50});
        duty_.turn(std::chrono::duration_cast<base::Milliseconds>(clock.now() - begun) + kPatience);
    }
    duty_.end();
    quiet_looks_ = 0;
    owner_.store(owner_loop);
    os::futex_wake(owner_);
}

}  // namespace mew::worker
