#pragma once
// _mewsgi.serve(application, mounts): the worker's life from ready to retired.
#include <Python.h>

namespace mew::python {

// `self` is the module; of `arguments`, application is a callable or None, and mounts a list of
// (prefix, callable or None), which takes its place if not empty. Gives the exit status as an int.
PyObject* serve(PyObject* self, PyObject* arguments);

}  // namespace mew::python
