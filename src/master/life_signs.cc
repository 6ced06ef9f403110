#include "master/life_signs.h"

#include <algorithm>
#include <utility>

#include "base/format.h"
#include "log/log.h"
#include "os/signals.h"

namespace mew::master {
namespace {

// Signs come every 250 ms of a call that lasts over a second; a machine that is short of CPU may
// delay them.
constexpr double kSilent = 3.0;
constexpr double kGilHeld = 1.0;
// Who takes a GIL that is free waits for nobody; from running Python code it takes 5 ms.
constexpr std::uint64_t kTakenAtOnce = 3000;

std::uint64_t get(const stats::Counter& counter) { return counter.load(std::memory_order_relaxed); }

double seconds_since(std::uint64_t micros, base::MonotonicTime now) {
    const base::MonotonicTime then{std::chrono::microseconds(micros)};
    return std::max(std::chrono::duration<double>(now - then).count(), 0.0);
}

std::string_view resting(stats::WorkerState state) {
    switch (state) {
        case stats::WorkerState::busy:
            return "inside a request";
        case stats::WorkerState::idle:
            return "idle";
        case stats::WorkerState::ready:
            return "ready, not serving yet";
        case stats::WorkerState::retiring:
            return "retiring";
        default:
            return "starting";
    }
}

std::string describe_sign(const LifeSigns& signs) {
    switch (signs.sign) {
        case Sign::waits:
            return ", waiting for something (the GIL is free)";
        case Sign::computes:
            return ", running Python code";
        case Sign::gil_held:
            return base::format(", the GIL held for {:.1f} s", signs.lasts);
        case Sign::silent:
            return base::format(", without a sign of life for {:.1f} s", signs.lasts);
        case Sign::none:
            break;
    }
    return "";
}

}  // namespace

void StopWatch::on_stopped(const std::string& who, int signal, base::MonotonicTime now) {
    signal_ = signal;
    since_ = now;
    log::warning("child-stopped", "{} was stopped by {}: it does nothing until it gets a SIGCONT",
                 who, os::signal_name(signal));
}

void StopWatch::on_continued(const std::string& who, base::MonotonicTime now) {
    if (!stopped()) return;
    signal_ = 0;
    log::warning("child-continued", "{} was continued after {:.1f} s", who,
                 std::chrono::duration<double>(now - since_).count());
}

std::string StopWatch::describe(base::MonotonicTime now) const {
    return base::format("stopped by {} for {:.1f} s", os::signal_name(signal_),
                        std::chrono::duration<double>(now - since_).count());
}

LifeSigns read_signs(const stats::Slot& slot, base::MonotonicTime now) {
    LifeSigns signs;
    const std::uint64_t started = get(slot.request_started_us);
    if (started == 0) return signs;
    signs.request = seconds_since(started, now);
    const std::uint64_t native = get(slot.native_beat_us);
    if (const double lasts = seconds_since(std::max(started, native), now);
        lasts >= kSilent + (native > started ? 0 : 1)) {
        signs.sign = Sign::silent;
        signs.lasts = lasts;
        return signs;
    }
    if (const std::uint64_t since = get(slot.gil_wait_us); since != 0) {
        signs.lasts = seconds_since(since, now);
        if (signs.lasts >= kGilHeld) signs.sign = Sign::gil_held;
        return signs;
    }
    if (get(slot.python_beat_us) <= started) return signs;
    signs.sign = get(slot.gil_took_us) < kTakenAtOnce ? Sign::waits : Sign::computes;
    return signs;
}

std::string describe_doing(const stats::Slot& slot, base::MonotonicTime now,
                           const StopWatch& stop_watch) {
    const LifeSigns signs = read_signs(slot, now);
    std::string text(resting(slot.state.load(std::memory_order_relaxed)));
    if (signs.request > 0) text = base::format("inside a request for {:.1f} s", signs.request);
    if (stop_watch.stopped()) return text + ", " + stop_watch.describe(now);
    return text + describe_sign(signs);
}

}  // namespace mew::master
