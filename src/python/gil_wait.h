#pragma once
// Frames a wait inside an exchange: the GIL is given back for it. Whichever thread waits gets its
// own state back: beside the one that runs the app, threads of the app's may read the body and
// write the answer, and wait at the same time. Workers set it as the hooks of their cores.

#include <Python.h>

#include <utility>

#include "worker/core.h"

namespace mew::python {

inline worker::WaitHooks gil_wait_hooks() {
    static thread_local PyThreadState* waiting = nullptr;
    return {[](void*) { waiting = PyEval_SaveThread(); },
            [](void*) { PyEval_RestoreThread(std::exchange(waiting, nullptr)); }, nullptr};
}

}  // namespace mew::python
