#pragma once
// What this process is: the zygote of a generation, one of its workers, or a task, which runs a
// singleton. One per process, filled by attach() in the zygote, changed once by the fork that makes
// a worker or a task (zygote.cc), read by everything else below src/python. Never freed: processes
// here end by _exit.

#include <cstdint>
#include <string_view>

#include "control/boot.h"
#include "control/gate.h"
#include "control/message.h"
#include "stats/board.h"

namespace mew::python {

struct Role {
    control::Boot boot;
    stats::Board board;
    control::Gate gate;
    std::uint32_t slot = 0;         // 0: no worker; worker ids are 1..N
    std::uint32_t task = 0;         // 0: no task; else its singleton's place in the list, from 1
    std::uint64_t incarnation = 0;  // how often the slot was filled, as the master counts
    int control_fd = -1;            // our end towards the master: the zygote's, later our own
    bool attached = false;

    // Two incarnations of a slot overlap while the older drains: each has a block of its own.
    std::uint32_t lane() const { return stats::lane_of(incarnation); }
    bool is_worker() const { return slot != 0; }
};

Role& role();

// A message to the master about this process: slot, generation and pid are filled in. A master
// that is gone or stuck is no error here: the control socket's end tells us soon enough.
void tell_master(control::Kind kind, std::uint64_t value = 0, std::string_view text = {});

// Ends this process without Python's or C++'s finalisation, which dead-locks with the app's threads
// sooner or later.
[[noreturn]] void leave(int status);
// The same for one that could not start: `text` is for people.
[[noreturn]] void fail_start(int status, std::string_view text);

}  // namespace mew::python
