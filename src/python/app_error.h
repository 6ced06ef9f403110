#pragma once
// An exception that an app let escape: taken from Python, written to the log as one event with its
// traceback, and cleared. The one boundary where Python errors become values.

#include <Python.h>

#include <string>
#include <string_view>

namespace mew::python {

// The traceback of the current exception as text, ending without a new line; clears it.
std::string take_traceback();

// Logs an exception that was taken: "the app failed on GET /x" and the traceback.
void log_app_error(PyObject* exception, std::string_view method, std::string_view target);

}  // namespace mew::python
