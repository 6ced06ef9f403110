#pragma once
// py-autoreload: notices in a worker that the app imported something, and sends lists of files to
// the master. What is in them is python/mewsgi/_autoreload.py's.

#include <Python.h>

namespace mew::python {

// After each call of the app, holding the GIL: calls what watch_modules() was given if there are
// other modules than before. Costs a comparison.
void look_for_imports();

}  // namespace mew::python
