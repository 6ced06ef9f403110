#pragma once
// The zygote: a Python with the app imported that never serves. It stands still holding the GIL,
// so that threads started by the import do nothing (in every copy) and pages stay shared, and
// forks a worker for each order of the master. Called by _bootstrap.py through the module.

#include <Python.h>

#include <cstdint>

namespace mew::python {

// Returns only in a worker, with its slot; 0 with a Python exception set if the zygote cannot go
// on. A zygote that the master dismisses, or that lost it, ends in here.
std::uint32_t wait_for_spawn();

}  // namespace mew::python
