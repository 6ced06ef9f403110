// Floor 2: floor 1 plus what no WSGI server can leave out: a fresh environ, the call of the app,
// its result iterated, and head and body written with one write. A CPython extension module; run by
// bench/floors/serve_environ.py in the python that also runs the other servers.
//
// Not done here, though a server must: parsing, values of this request in the environ (all 12 are
// made once), a date header, limits, time-outs, logs, the GIL released while it waits, chunks when
// no length was given. The response is made from what the app passed to start_response.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <array>
#include <cstring>
#include <string_view>

#include "loop.h"

namespace {

// Bounded on purpose: an answer that does not fit closes the connection instead of growing.
class Response {
public:
    void clear() { size_ = 0, fits_ = true; }
    void append(std::string_view bytes) {
        fits_ = fits_ && bytes.size() <= bytes_.size() - size_;
        if (!fits_) return;
        std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
        size_ += bytes.size();
    }
    bool send_to(int connection) const {
        return fits_ && mew::bench::send_whole(connection, {bytes_.data(), size_});
    }

private:
    std::array<char, 16384> bytes_;
    std::size_t size_ = 0;
    bool fits_ = true;
};

// One per process: the loop is one thread and holds the GIL all the time.
Response response;

bool append_text(PyObject* text) {
    if (!PyUnicode_Check(text) || PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND) {
        PyErr_SetString(PyExc_TypeError, "status and headers must be latin-1 text");
        return false;
    }
    response.append({reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(text)),
                     static_cast<std::size_t>(PyUnicode_GET_LENGTH(text))});
    return true;
}

bool append_header(PyObject* header) {
    if (!PyTuple_Check(header) || PyTuple_GET_SIZE(header) != 2) {
        PyErr_SetString(PyExc_TypeError, "a header must be a tuple of name and value");
        return false;
    }
    if (!append_text(PyTuple_GET_ITEM(header, 0))) return false;
    response.append(": ");
    if (!append_text(PyTuple_GET_ITEM(header, 1))) return false;
    response.append("\r\n");
    return true;
}

PyObject* start_response(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
    if (count < 2 || !PyList_Check(arguments[1])) {
        PyErr_SetString(PyExc_TypeError, "start_response needs a status and a list of headers");
        return nullptr;
    }
    response.clear();
    response.append("HTTP/1.1 ");
    if (!append_text(arguments[0])) return nullptr;
    response.append("\r\n");
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(arguments[1]); ++i) {
        if (!append_header(PyList_GET_ITEM(arguments[1], i))) return nullptr;
    }
    response.append("\r\n");
    Py_RETURN_NONE;
}

bool append_body(PyObject* result) {
    PyObject* iterator = PyObject_GetIter(result);
    if (iterator == nullptr) return false;
    while (PyObject* chunk = PyIter_Next(iterator)) {
        const bool is_bytes = PyBytes_Check(chunk);
        if (is_bytes) {
            response.append(
                {PyBytes_AS_STRING(chunk), static_cast<std::size_t>(PyBytes_GET_SIZE(chunk))});
        } else {
            PyErr_SetString(PyExc_TypeError, "the app's result must be made of bytes");
        }
        Py_DECREF(chunk);
        if (!is_bytes) break;
    }
    Py_DECREF(iterator);
    return PyErr_Occurred() == nullptr;
}

bool close_result(PyObject* result) {
    // A list has no close(), and asking it would cost an exception per request.
    if (PyList_CheckExact(result) || !PyObject_HasAttrString(result, "close")) return true;
    PyObject* closed = PyObject_CallMethod(result, "close", nullptr);
    Py_XDECREF(closed);
    return closed != nullptr;
}

// What is the same for every request, owned for the life of the process.
struct Call {
    PyObject* app;
    PyObject* start_response;
    PyObject* environ;
};

bool answer(const Call& call, int connection) {
    // A copy is the cheapest way to a dict that the app may change as it likes.
    PyObject* environ = PyDict_Copy(call.environ);
    PyObject* result = nullptr;
    if (environ != nullptr) {
        const std::array<PyObject*, 2> arguments{environ, call.start_response};
        result = PyObject_Vectorcall(call.app, arguments.data(), arguments.size(), nullptr);
    }
    bool answered = result != nullptr && append_body(result) && response.send_to(connection);
    if (result != nullptr) answered = close_result(result) && answered;
    Py_XDECREF(result);
    Py_XDECREF(environ);
    if (PyErr_Occurred() != nullptr) PyErr_Print();
    return answered;
}

// serve(port, app, environ)
PyObject* serve(PyObject* module, PyObject* arguments) {
    unsigned short port = 0;
    Call call{};
    if (!PyArg_ParseTuple(arguments, "HOO!", &port, &call.app, &PyDict_Type, &call.environ)) {
        return nullptr;
    }
    if (PyDict_GET_SIZE(call.environ) != 12) {
        return PyErr_Format(PyExc_ValueError, "the environ of this floor has 12 keys");
    }
    call.start_response = PyObject_GetAttrString(module, "start_response");
    if (call.start_response == nullptr) return nullptr;
    const int listener = mew::bench::listen_on(port);
    if (listener < 0) return PyErr_SetFromErrno(PyExc_OSError);
    mew::bench::serve(listener, [&call](int connection) { return answer(call, connection); });
    return PyErr_SetFromErrno(PyExc_OSError);
}

// METH_FASTCALL functions have another type than the table's field; the flag tells CPython which.
PyCFunction as_method(PyObject* (*function)(PyObject*, PyObject* const*, Py_ssize_t)) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef methods[] = {
    {"serve", serve, METH_VARARGS, "Serve an app on 127.0.0.1 until killed."},
    {"start_response", as_method(start_response), METH_FASTCALL, "As PEP 3333 has it."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    "floor_environ",
    nullptr,
    -1,
    methods,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

}  // namespace

PyMODINIT_FUNC PyInit_floor_environ() { return PyModule_Create(&module_definition); }
