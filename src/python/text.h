#pragma once
// Text between Python and us, whatever it holds.
#include <Python.h>

#include <string>
#include <string_view>

#include "python/ref.h"

namespace mew::python {

// New objects; null with an exception set. The second is the one str of its text.
PyRef latin1(std::string_view text);
PyRef interned(const char* text);

// A str (or bytes) as UTF-8; what UTF-8 cannot hold comes out as \udcXX. False: an exception is
// set (another type, no memory).
bool to_utf8(PyObject* object, std::string& out);

// File names and options as os.fsdecode() gives them. New reference.
PyObject* from_os(std::string_view bytes);

}  // namespace mew::python
