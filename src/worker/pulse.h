#pragma once
// Signs of life of a worker whose call lasts, on the board, so that the master can tell what is
// wrong with it: a GIL that is not given back, a process that does not run, or an app that waits.
//
//   native beat   whoever runs the loop, every kInterval: this process runs
//   Python beat   a thread of its own, which takes the GIL briefly: Python code could run
//
// Nothing happens before a call has lasted kLong: the thread does not exist before the first such
// call, and sleeps until the next beat. At the end it is left alone, as it may wait for a GIL that
// whoever would join it holds. Around a fork by the app it is away (pause). Created by Worker;
// beat() is called by whoever runs the loop.

#include <cstdint>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "stats/board.h"

namespace mew::worker {

class Pulse {
public:
    static constexpr base::Milliseconds kLong{1000};
    static constexpr base::Milliseconds kInterval{250};
    static constexpr base::Milliseconds kWarn{10000};

    // `slot` outlives the process's threads: it lies on the board.
    explicit Pulse(stats::Slot& slot);
    ~Pulse();
    Pulse(const Pulse&) = delete;
    Pulse& operator=(const Pulse&) = delete;

    // Takes what Python code needs to run, and gives it back; null: nothing is needed. Set before
    // the first beat.
    void set_probe(void (*probe)(void* context), void* context);
    // During a call that has lasted so long. More often than kInterval it does nothing.
    void beat(base::Milliseconds so_far);
    // Ends the thread until the next beat. Whoever calls holds nothing that the probe takes, and
    // nobody else runs the loop.
    void pause();

private:
    struct Prober;
    void ask();
    void start_thread();
    void tell_stop();
    void warn(std::uint64_t now);

    stats::Slot& slot_;
    std::shared_ptr<Prober> prober_;
    std::thread thread_;
    std::uint64_t last_beat_ = 0;
    std::uint64_t warned_for_ = 0;  // the wait that was told of
};

}  // namespace mew::worker
