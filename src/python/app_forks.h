#pragma once
// Forks by the app inside an inline worker: Python 3.12 and later warn at os.fork() where a process
// has several threads, and the app cannot know that one of them is ours. So the rescue thread and
// the prober (worker/pulse.h) end before a fork, and start again after it, as they are needed.
// Registered by _worker.py with os.register_at_fork().

#include "worker/worker.h"

namespace mew::python {

// The worker whose rescue thread it is, as long as this lives. One at a time.
class ForkingWorker {
public:
    explicit ForkingWorker(worker::Worker& worker);
    ~ForkingWorker();
    ForkingWorker(const ForkingWorker&) = delete;
    ForkingWorker& operator=(const ForkingWorker&) = delete;
};

}  // namespace mew::python
