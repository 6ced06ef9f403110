#pragma once
// Names that CPython gained after 3.9, our oldest version, or moved to other headers.
#include <Python.h>
#include <structmember.h>

#if PY_VERSION_HEX < 0x030A0000
inline PyObject* Py_NewRef(PyObject* object) {
    Py_INCREF(object);
    return object;
}
#endif
#if PY_VERSION_HEX >= 0x030C0000
#undef PyUnicode_READY
#define PyUnicode_READY(text) 0  // every str is ready since 3.12
#endif
