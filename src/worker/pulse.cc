#include "worker/pulse.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <system_error>
#include <thread>

#include "log/log.h"
#include "os/forked.h"
#include "os/futex.h"
#include "os/signals.h"

namespace mew::worker {
namespace {

std::uint64_t now_us() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

constexpr std::uint64_t micros(base::Milliseconds time) {
    return static_cast<std::uint64_t>(time.count()) * 1000;
}

}  // namespace

struct Pulse::Prober {
    explicit Prober(stats::Slot& the_slot) : slot(the_slot) {}

    void main() {
        tid.store(static_cast<pid_t>(::syscall(SYS_gettid)));
        // It was started to answer: the first question lies there already.
        for (std::uint32_t done = asked.load() - 1; !stopping.load();) {
            if (asked.load() == done) {
                os::futex_wait(asked, done);
                continue;
            }
            done = asked.load();
            const std::uint64_t begun = now_us();
            slot.gil_wait_us.store(begun, std::memory_order_relaxed);
            probe(context);
            const std::uint64_t now = now_us();
            slot.gil_wait_us.store(0, std::memory_order_relaxed);
            slot.gil_took_us.store(now - begun, std::memory_order_relaxed);
            slot.python_beat_us.store(now, std::memory_order_relaxed);
        }
    }

    stats::Slot& slot;
    void (*probe)(void*) = nullptr;
    void* context = nullptr;
    std::atomic<std::uint32_t> asked{0};
    std::atomic<bool> stopping{false};
    std::atomic<pid_t> tid{0};
};

Pulse::Pulse(stats::Slot& slot) : slot_(slot), prober_(std::make_shared<Prober>(slot)) {
    // Of the incarnation before.
    for (stats::Counter* field :
         {&slot.native_beat_us, &slot.python_beat_us, &slot.gil_wait_us, &slot.gil_took_us})
        field->store(0, std::memory_order_relaxed);
}

Pulse::~Pulse() {
    tell_stop();
    if (thread_.joinable()) thread_.detach();
}

void Pulse::tell_stop() {
    prober_->stopping.store(true);
    prober_->asked.fetch_add(1);
    os::futex_wake(prober_->asked);
}

void Pulse::pause() {
    if (!thread_.joinable()) return;
    tell_stop();
    thread_.join();
    os::wait_until_unlisted(prober_->tid.load());
    prober_->stopping.store(false);
}

void Pulse::set_probe(void (*probe)(void* context), void* context) {
    prober_->probe = probe;
    prober_->context = context;
}

void Pulse::beat(base::Milliseconds so_far) {
    if (so_far < kLong) return;
    const std::uint64_t now = now_us();
    if (now - last_beat_ < micros(kInterval)) return;
    last_beat_ = now;
    slot_.native_beat_us.store(now, std::memory_order_relaxed);
    if (prober_->probe == nullptr) return;
    ask();
    warn(now);
}

void Pulse::ask() {
    prober_->asked.fetch_add(1);
    os::futex_wake(prober_->asked);
    if (!thread_.joinable()) start_thread();
}

void Pulse::start_thread() {
    const os::BlockedSignals blocked;
    try {
        thread_ = std::thread([prober = prober_] { prober->main(); });
        ::pthread_setname_np(thread_.native_handle(), "mewsgi-prober");
    } catch (const std::system_error& error) {
        log::debug("no-prober", "no thread to look for the GIL: {}", error.what());
    }
}

void Pulse::warn(std::uint64_t now) {
    const std::uint64_t since = slot_.gil_wait_us.load(std::memory_order_relaxed);
    if (since == 0 || since == warned_for_ || now < since + micros(kWarn)) return;
    warned_for_ = since;
    log::warning(
        "gil-held",
        "the GIL has been held for {:.0f} s inside a request: no other Python code of this "
        "worker can run (a C extension that does not release it?)",
        static_cast<double>(now - since) / 1e6);
}

}  // namespace mew::worker
