#pragma once
// The native half of a task, the process that runs a singleton: it waits for the master's word
// before anything of the app runs, then hears the master on a thread of its own, which knows no
// Python and takes no lock, so that no app can keep it from hearing.
//
// Told to leave, it says so to who asks (stopping, wait_for_stop) and sends the main thread a
// SIGTERM, whose handler is Python's (_singleton.py). The end of the control socket ends this
// process at once: the master that could not reach it must be able to start another.
//
// Called by _singleton.py through module_task.cc; `stopping` and `wait_for_stop` by any process
// of a server: what is no task is never told.

#include <chrono>
#include <csignal>
#include <optional>

#include "base/result.h"

namespace mew::python::task {

// Blocks until the master says that this process is the one; ends it here if that never comes.
// Only in a task, on its main thread, once.
void wait_for_word();
// From here on the thread listens.
base::Result<void> listen();

// Also true in what the app forks out of a task.
bool stopping();
// As if the master had said so, but for the signal.
void begin_stop();
// Sleeps until told to leave, until `limit` is over (absent: none), or until a signal comes that
// `mask` lets through while it sleeps.
void wait_for_stop(std::optional<std::chrono::milliseconds> limit, const sigset_t& mask);

}  // namespace mew::python::task
