#pragma once
// What a worker does, as its block on the board tells it: idle, inside a request and for how long,
// and whether that is a GIL that nobody gives back, a process that does not run, or an app that
// waits (the signs of life of worker/pulse.h). For death lines and `mewsgi status`.

#include <string>

#include "base/clock.h"
#include "stats/board.h"

namespace mew::master {

// SIGSTOP and its kin, as waitid(2) tells them; says so in the log. Owned by the handle of a child.
class StopWatch {
public:
    void on_stopped(const std::string& who, int signal, base::MonotonicTime now);
    void on_continued(const std::string& who, base::MonotonicTime now);
    bool stopped() const { return signal_ != 0; }
    // "stopped by SIGSTOP for 3.2 s"
    std::string describe(base::MonotonicTime now) const;

private:
    int signal_ = 0;
    base::MonotonicTime since_;
};

enum class Sign : std::uint8_t {
    none,      // no request, or one that is too young to say
    waits,     // the GIL is free: the app waits for something
    computes,  // Python code runs, and lets others run
    gil_held,  // no Python code but one can run, and that one does not let go
    silent,    // nothing of the process runs
};

struct LifeSigns {
    Sign sign = Sign::none;
    double request = 0;  // seconds inside the longest running request; 0: none
    double lasts = 0;    // gil_held, silent: seconds
};
LifeSigns read_signs(const stats::Slot& slot, base::MonotonicTime now);

// "inside a request for 12.3 s, the GIL held for 11.2 s"
std::string describe_doing(const stats::Slot& slot, base::MonotonicTime now,
                           const StopWatch& stop_watch);

}  // namespace mew::master
