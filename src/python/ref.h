#pragma once
// PyRef owns one reference to a Python object. All its methods that change a count need the GIL
// (on free-threaded builds: an attached thread state); it is used on the Python side of the seam
// only, never stored where native threads could destroy it.

#include <utility>

#include "python/compat.h"

namespace mew::python {

class PyRef {
public:
    PyRef() = default;
    // Takes over a new reference; null (with a Python error set) stays null.
    static PyRef steal(PyObject* object) { return PyRef(object); }
    static PyRef borrow(PyObject* object) {
        Py_XINCREF(object);
        return PyRef(object);
    }
    PyRef(PyRef&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    PyRef& operator=(PyRef&& other) noexcept {
        if (this != &other) reset(std::exchange(other.object_, nullptr));
        return *this;
    }
    ~PyRef() { Py_XDECREF(object_); }

    PyObject* get() const { return object_; }
    explicit operator bool() const { return object_ != nullptr; }
    PyObject* release() { return std::exchange(object_, nullptr); }
    void reset(PyObject* object = nullptr) {
        PyObject* old = std::exchange(object_, object);
        Py_XDECREF(old);
    }

private:
    explicit PyRef(PyObject* object) : object_(object) {}
    PyObject* object_ = nullptr;
};

}  // namespace mew::python
