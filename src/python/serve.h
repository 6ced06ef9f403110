#pragma once
// _mewsgi.serve(application): the worker's life from ready to retired.
#include <Python.h>

namespace mew::python {

// `self` is the module; `application` a callable or None. Returns the exit status as an int.
PyObject* serve(PyObject* self, PyObject* application);

}  // namespace mew::python
