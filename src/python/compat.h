#pragma once
// Names that CPython gained after 3.9, our oldest version, or moved to other headers.
#include <Python.h>
#include <structmember.h>

#if PY_VERSION_HEX < 0x030B0000
#include <frameobject.h>  // PyFrame_GetBack
#endif

#if PY_VERSION_HEX < 0x030A0000
inline PyObject* Py_NewRef(PyObject* object) {
    Py_INCREF(object);
    return object;
}
inline PyObject* Py_XNewRef(PyObject* object) {
    Py_XINCREF(object);
    return object;
}
#endif
#if PY_VERSION_HEX >= 0x030C0000
#undef PyUnicode_READY
#define PyUnicode_READY(text) 0  // every str is ready since 3.12
#endif

// A type that only we make objects of: one that Python code made would hold nothing that we rely
// on. (What Py_TPFLAGS_DISALLOW_INSTANTIATION does since 3.10.)
inline PyObject* type_of_ours(PyType_Spec& spec) {
    PyObject* type = PyType_FromSpec(&spec);
    if (type != nullptr) reinterpret_cast<PyTypeObject*>(type)->tp_new = nullptr;
    return type;
}

// The exception that is being raised, taken out of the thread state, with its traceback set on it;
// null if there is none. And back again. (PyErr_Fetch and PyErr_Restore are deprecated.)
#if PY_VERSION_HEX >= 0x030C0000
inline PyObject* take_raised() { return PyErr_GetRaisedException(); }
inline void set_raised(PyObject* exception) { PyErr_SetRaisedException(exception); }
#else
inline PyObject* take_raised() {
    PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == nullptr) return nullptr;
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != nullptr) PyException_SetTraceback(value, traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
}
inline void set_raised(PyObject* exception) {
    PyObject* const type = reinterpret_cast<PyObject*>(Py_TYPE(exception));
    PyErr_Restore(Py_NewRef(type), exception, PyException_GetTraceback(exception));
}
#endif

// Puts the exception that is being raised aside, for calls of Python in between, to the end of its
// scope.
class RaisedAside {
public:
    RaisedAside() : raised_(PyErr_Occurred() != nullptr ? take_raised() : nullptr) {}
    RaisedAside(const RaisedAside&) = delete;
    RaisedAside& operator=(const RaisedAside&) = delete;
    RaisedAside(RaisedAside&&) = delete;
    RaisedAside& operator=(RaisedAside&&) = delete;
    ~RaisedAside() {
        if (raised_ != nullptr) set_raised(raised_);
    }

private:
    PyObject* raised_;
};
