#include "python/wsgi_input.h"

#include <algorithm>
#include <new>
#include <optional>
#include <string>

namespace mew::python {

namespace {

PyObject* g_error_type = nullptr;  // borrowed from InputType, which lives as long as the process

struct Input {
    PyObject_HEAD http::BodySource* source;
    std::string buffered;  // pulled from the source, not yet returned
    std::size_t at;
    bool complete;
    std::optional<http::BodyFailure> failure;

    std::size_t available() const { return buffered.size() - at; }
};

Input* self_of(PyObject* object) { return reinterpret_cast<Input*>(object); }

bool raise_failure(const Input& input) {
    PyErr_Format(g_error_type, "the request body is not complete: %.*s",
                 static_cast<int>(input.failure->reason.size()), input.failure->reason.data());
    return false;
}

// Pulls one more piece; false with an exception set. At the end `complete` is set.
bool pull(Input& input) {
    if (input.failure) return raise_failure(input);
    if (input.complete || input.source == nullptr) {
        input.complete = true;
        return true;
    }
    auto piece = input.source->read();
    if (!piece) {
        input.failure = piece.error();
        return raise_failure(input);
    }
    if (input.at > 0) {
        input.buffered.erase(0, input.at);
        input.at = 0;
    }
    if (piece->empty())
        input.complete = true;
    else
        input.buffered.append(*piece);
    return true;
}

PyObject* take(Input& input, std::size_t size) {
    PyObject* bytes =
        PyBytes_FromStringAndSize(input.buffered.data() + input.at, static_cast<Py_ssize_t>(size));
    if (bytes == nullptr) return nullptr;
    input.at += size;
    if (input.at == input.buffered.size()) {
        input.buffered.clear();
        input.at = 0;
    }
    return bytes;
}

// None and negative numbers mean "all". False with an exception set.
bool parse_size(PyObject* const* arguments, Py_ssize_t count, const char* name, Py_ssize_t& size) {
    size = -1;
    if (count > 1) {
        PyErr_Format(PyExc_TypeError, "%s() takes at most 1 argument (%zd given)", name, count);
        return false;
    }
    if (count == 0 || arguments[0] == Py_None) return true;
    size = PyNumber_AsSsize_t(arguments[0], PyExc_OverflowError);
    return size != -1 || PyErr_Occurred() == nullptr;
}

PyObject* input_read(PyObject* object, PyObject* const* arguments, Py_ssize_t count) {
    Py_ssize_t size = -1;
    if (!parse_size(arguments, count, "read", size)) return nullptr;
    Input& input = *self_of(object);
    const std::size_t wanted = size < 0 ? SIZE_MAX : static_cast<std::size_t>(size);
    while (input.available() < wanted && !input.complete) {
        if (!pull(input)) return nullptr;
    }
    return take(input, std::min(wanted, input.available()));
}

PyObject* read_line(Input& input, Py_ssize_t limit) {
    const std::size_t most = limit < 0 ? SIZE_MAX : static_cast<std::size_t>(limit);
    std::size_t searched = 0;
    for (;;) {
        const std::size_t found = input.buffered.find('\n', input.at + searched);
        if (found != std::string::npos) return take(input, std::min(found + 1 - input.at, most));
        searched = input.available();
        if (searched >= most || input.complete) return take(input, std::min(searched, most));
        if (!pull(input)) return nullptr;
    }
}

PyObject* input_readline(PyObject* object, PyObject* const* arguments, Py_ssize_t count) {
    Py_ssize_t size = -1;
    if (!parse_size(arguments, count, "readline", size)) return nullptr;
    return read_line(*self_of(object), size);
}

PyObject* input_readlines(PyObject* object, PyObject* const* arguments, Py_ssize_t count) {
    Py_ssize_t hint = -1;
    if (!parse_size(arguments, count, "readlines", hint)) return nullptr;
    PyRef lines = PyRef::steal(PyList_New(0));
    if (!lines) return nullptr;
    for (Py_ssize_t total = 0; hint <= 0 || total < hint;) {
        const PyRef line = PyRef::steal(read_line(*self_of(object), -1));
        if (!line) return nullptr;
        if (PyBytes_GET_SIZE(line.get()) == 0) break;
        total += PyBytes_GET_SIZE(line.get());
        if (PyList_Append(lines.get(), line.get()) != 0) return nullptr;
    }
    return lines.release();
}

PyObject* input_iter(PyObject* object) { return Py_NewRef(object); }

PyObject* input_next(PyObject* object) {
    PyRef line = PyRef::steal(read_line(*self_of(object), -1));
    if (!line || PyBytes_GET_SIZE(line.get()) == 0) return nullptr;  // an error, or the end
    return line.release();
}

PyObject* input_close(PyObject*, PyObject*) { Py_RETURN_NONE; }
PyObject* input_true(PyObject*, PyObject*) { Py_RETURN_TRUE; }
PyObject* input_false(PyObject*, PyObject*) { Py_RETURN_FALSE; }

void input_dealloc(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    Input* input = self_of(object);
    input->buffered.~basic_string();
    input->failure.~optional();
    PyObject_Free(object);
    Py_DECREF(type);
}

PyCFunction fast(PyObject* (*function)(PyObject*, PyObject* const*, Py_ssize_t)) {
    return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

PyMethodDef* methods() {
    static PyMethodDef table[] = {
        {"read", fast(input_read), METH_FASTCALL, "read([size]) -> bytes; waits for them"},
        {"readline", fast(input_readline), METH_FASTCALL, "readline([size]) -> bytes"},
        {"readlines", fast(input_readlines), METH_FASTCALL, "readlines([hint]) -> list of bytes"},
        {"close", input_close, METH_NOARGS, "does nothing: the server owns the body"},
        {"readable", input_true, METH_NOARGS, nullptr},
        {"seekable", input_false, METH_NOARGS, nullptr},
        {"writable", input_false, METH_NOARGS, nullptr},
        {nullptr, nullptr, 0, nullptr}};
    return table;
}

}  // namespace

bool InputType::prepare() {
    // A class of the Python package, so that apps can name it while they are imported.
    const PyRef package = PyRef::steal(PyImport_ImportModule("mewsgi"));
    if (!package) return false;
    error_type_ = PyRef::steal(PyObject_GetAttrString(package.get(), "RequestBodyError"));
    g_error_type = error_type_.get();
    PyType_Slot slots[] = {{Py_tp_methods, methods()},
                           {Py_tp_iter, reinterpret_cast<void*>(input_iter)},
                           {Py_tp_iternext, reinterpret_cast<void*>(input_next)},
                           {Py_tp_dealloc, reinterpret_cast<void*>(input_dealloc)},
                           {0, nullptr}};
    PyType_Spec spec{"mewsgi.RequestBody", sizeof(Input), 0, Py_TPFLAGS_DEFAULT, slots};
    type_ = PyRef::steal(PyType_FromSpec(&spec));
    if (!error_type_ || !type_) return false;
    empty_ = PyRef::steal(make(nullptr));
    return static_cast<bool>(empty_);
}

PyObject* InputType::make(http::BodySource* source) {
    if (source == nullptr && empty_) return Py_NewRef(empty_.get());
    auto* type = reinterpret_cast<PyTypeObject*>(type_.get());
    Input* input = PyObject_New(Input, type);
    if (input == nullptr) return nullptr;
    input->source = source;
    new (&input->buffered) std::string();
    input->at = 0;
    input->complete = source == nullptr;
    new (&input->failure) std::optional<http::BodyFailure>();
    return reinterpret_cast<PyObject*>(input);
}

void InputType::detach(PyObject* input) { self_of(input)->source = nullptr; }

const http::BodyFailure* InputType::failure(PyObject* input) {
    const auto& failure = self_of(input)->failure;
    return failure ? &*failure : nullptr;
}

}  // namespace mew::python
