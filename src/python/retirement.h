#pragma once
// That this worker leaves, for Python code that waits on something else than the loop
// (mewsgi/_websocket.py): the loop announces it, on whatever thread runs it, without the GIL.

#include <Python.h>

#include "worker/worker.h"

namespace mew::python {

// Has `worker` announce it when it retires.
void announce_retirement_of(worker::Worker& worker);
void announce_retirement(bool stops);

// retirement() -> (descriptor, code): what is readable from then on, and the close code that
// WebSockets end with, 1012 at a reload and 1001 at a stop; 0: this worker stays.
PyObject* retirement(PyObject* module, PyObject* unused);

}  // namespace mew::python
