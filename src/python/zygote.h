#pragma once
// The zygote: a Python with the app imported that never serves. It stands still holding the GIL,
// so that threads started by the import do nothing (in every copy) and pages stay shared, and
// forks a worker or a task for each order of the master. Called by _bootstrap.py through the
// module.

#include <Python.h>

namespace mew::python {

// Returns only in a worker or a task; role() says which. A zygote that the master dismisses, or
// that lost it, ends in here.
void wait_for_spawn();

}  // namespace mew::python
