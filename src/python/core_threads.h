#pragma once
// Python's side of a worker's pool (worker/pool.h): a thread state for each of its threads,
// attached (which takes the GIL, where there is one) while the thread runs the app.

#include <Python.h>

#include <vector>

#include "worker/pool.h"

namespace mew::python {

class CoreThreads {
public:
    // `slot` names the threads. Call with the GIL held.
    CoreThreads(std::uint32_t slot, int cores);

    worker::Pool::ThreadHooks hooks();

private:
    static void begin(void* self, worker::Core& core);
    static void enter(void* self, worker::Core& core);
    static void leave(void* self, worker::Core& core);
    static void end(void* self, worker::Core& core);

    PyInterpreterState* interpreter_;
    std::uint32_t slot_;
    std::vector<PyThreadState*> states_;  // by core
};

}  // namespace mew::python
