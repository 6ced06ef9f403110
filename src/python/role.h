#pragma once
// What this process is: the zygote of a generation, or one of its workers. One per process, filled
// by attach() in the zygote, changed once by the fork that makes a worker (zygote.cc), read by
// everything else below src/python. Never freed: processes here end by _exit.

#include <sys/types.h>

#include <cstdint>

#include "control/boot.h"
#include "stats/board.h"

namespace mew::python {

struct Role {
    control::Boot boot;
    stats::Board board;
    std::uint32_t slot = 0;         // 0: zygote; worker ids are 1..N
    std::uint64_t incarnation = 0;  // how often the slot was filled, as the master counts
    int control_fd = -1;            // our end towards the master (the zygote's or the worker's own)
    bool attached = false;

    bool is_worker() const { return slot != 0; }
};

Role& role();

}  // namespace mew::python
