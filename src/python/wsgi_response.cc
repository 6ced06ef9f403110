#include "python/wsgi_response.h"

#include <cstddef>

#include "http/grammar.h"
#include "log/log.h"

namespace mew::python {

namespace {

// The Latin-1 bytes of a str where it lies; PEP 3333's "native strings". Only strings that hold
// other characters are refused.
bool latin1_view(PyObject* text, std::string_view& view) {
    if (!PyUnicode_Check(text)) return false;
    if (PyUnicode_READY(text) != 0) return false;
    if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND) return false;
    view = {reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(text)),
            static_cast<std::size_t>(PyUnicode_GET_LENGTH(text))};
    return true;
}

void raise_not_text(const char* what, PyObject* object) {
    if (PyErr_Occurred()) return;
    if (PyUnicode_Check(object)) {
        PyErr_Format(PyExc_ValueError, "%s %R holds characters outside Latin-1 (PEP 3333)", what,
                     object);
    } else {
        PyErr_Format(PyExc_TypeError, "%s must be str, not %.100s", what, Py_TYPE(object)->tp_name);
    }
}

// Raises the exception of an exc_info tuple with its traceback.
void raise_again(PyObject* exc_info) {
    if (!PyTuple_Check(exc_info) || PyTuple_GET_SIZE(exc_info) != 3) {
        PyErr_SetString(PyExc_TypeError, "start_response: exc_info must be a tuple of three");
        return;
    }
    PyObject* const value = PyTuple_GET_ITEM(exc_info, 1);
    PyObject* const traceback = PyTuple_GET_ITEM(exc_info, 2);
    if (!PyExceptionInstance_Check(value)) {
        PyErr_SetObject(PyTuple_GET_ITEM(exc_info, 0), value);
        return;
    }
    if (traceback != Py_None && PyException_SetTraceback(value, traceback) != 0) return;
    set_raised(Py_NewRef(value));
}

}  // namespace

bool WsgiResponse::start(PyObject* status, PyObject* headers, PyObject* exc_info) {
    const bool replaces = exc_info != nullptr && exc_info != Py_None;
    if (replaces && sink_.started()) {
        raise_again(exc_info);
        return false;
    }
    if (called_ && !replaces) {
        PyErr_SetString(PyExc_AssertionError,
                        "start_response was called a second time without exc_info (PEP 3333)");
        return false;
    }
    head_.clear();
    keep_.clear();
    if (!take_status(status) || !take_headers(headers)) return false;
    if (const auto checked = head_.check(); !checked) {
        PyErr_SetString(PyExc_ValueError, checked.error().text.c_str());
        return false;
    }
    called_ = true;
    return true;
}

// "200 OK", or just three digits as uWSGI allows.
bool WsgiResponse::take_status(PyObject* status) {
    std::string_view text;
    if (!latin1_view(status, text)) {
        raise_not_text("start_response: the status", status);
        return false;
    }
    const bool digits = text.size() >= 3 && http::is_digit(text[0]) && http::is_digit(text[1]) &&
                        http::is_digit(text[2]);
    if (!digits || (text.size() > 3 && text[3] != ' ')) {
        PyErr_Format(PyExc_ValueError,
                     "start_response: the status %R is not three digits, a blank and a text",
                     status);
        return false;
    }
    keep_.push_back(PyRef::borrow(status));
    head_.status = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    if (text.size() > 4) head_.reason = text.substr(4);
    return true;
}

bool WsgiResponse::take_headers(PyObject* headers) {
    if (!PyList_Check(headers)) {
        PyErr_Format(PyExc_TypeError, "start_response: the headers must be a list, not %.100s",
                     Py_TYPE(headers)->tp_name);
        return false;
    }
    // The size is read anew at each step: taking a header may run code of the app's.
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); ++i) {
        keep_.push_back(PyRef::borrow(PyList_GET_ITEM(headers, i)));
        if (!take_header(keep_.back().get(), i)) return false;
    }
    return true;
}

bool WsgiResponse::take_header(PyObject* header, Py_ssize_t index) {
    if (!PyTuple_Check(header) || PyTuple_GET_SIZE(header) != 2) {
        PyErr_Format(PyExc_TypeError,
                     "start_response: header %zd must be a tuple (name, value), not %.200R", index,
                     header);
        return false;
    }
    PyObject* name = PyTuple_GET_ITEM(header, 0);
    PyObject* value = PyTuple_GET_ITEM(header, 1);
    http::Header entry;
    if (!latin1_view(name, entry.name)) {
        raise_not_text("start_response: a header name", name);
        return false;
    }
    if (!latin1_view(value, entry.value)) {
        raise_not_text("start_response: a header value", value);
        return false;
    }
    head_.headers.push_back(entry);
    return true;
}

WsgiResponse::Sent WsgiResponse::send_head() {
    if (sink_.started()) return client_gone_ ? Sent::client_gone : Sent::sent;
    if (!called_) {
        PyErr_SetString(PyExc_AssertionError,
                        "the app sent a body before it called start_response (PEP 3333)");
        return Sent::error;
    }
    if (!head_.dropped_name.empty()) {
        log::warning("hop-by-hop-header",
                     "dropped the app's header {}: it is the server's to say (PEP 3333, RFC 9110 "
                     "7.6.1)",
                     head_.dropped_name);
    }
    client_gone_ = !sink_.start(head_);
    return client_gone_ ? Sent::client_gone : Sent::sent;
}

WsgiResponse::Sent WsgiResponse::write(std::string_view bytes) {
    if (bytes.empty()) return Sent::sent;
    if (const Sent head = send_head(); head != Sent::sent) return head;
    client_gone_ = !sink_.write(bytes);
    return client_gone_ ? Sent::client_gone : Sent::sent;
}

WsgiResponse::Sent WsgiResponse::write(PyObject* piece) {
    if (PyBytes_Check(piece)) {
        return write({PyBytes_AS_STRING(piece), static_cast<std::size_t>(PyBytes_GET_SIZE(piece))});
    }
    PyErr_Format(PyExc_TypeError, "the body must be made of bytes, not %.100s",
                 Py_TYPE(piece)->tp_name);
    return Sent::error;
}

WsgiResponse::Sent WsgiResponse::flush() {
    client_gone_ = client_gone_ || !sink_.flush();
    return client_gone_ ? Sent::client_gone : Sent::sent;
}

// --- the Python objects
// ---------------------------------------------------------------------------

namespace {

struct Callable {
    PyObject_HEAD WsgiResponse* response;
    vectorcallfunc vectorcall;
};

Callable* self_of(PyObject* object) { return reinterpret_cast<Callable*>(object); }

WsgiResponse* response_of(PyObject* object) {
    WsgiResponse* response = self_of(object)->response;
    if (response == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "the request that this belonged to is over");
    }
    return response;
}

PyObject* call_write(PyObject* self, PyObject* piece) {
    WsgiResponse* response = response_of(self);
    if (response == nullptr || response->write(piece) == WsgiResponse::Sent::error) return nullptr;
    // A client that left is no exception: what follows is dropped.
    if (response->flush() == WsgiResponse::Sent::error) return nullptr;
    Py_RETURN_NONE;
}

PyMethodDef g_write = {"write", call_write, METH_O, "write(bytes): sends a piece of the body"};

bool take_keywords(PyObject* names, PyObject* const* values, PyObject** exc_info) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); ++i) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "exc_info") != 0) {
            PyErr_Format(PyExc_TypeError, "start_response has no argument %R",
                         PyTuple_GET_ITEM(names, i));
            return false;
        }
        *exc_info = values[i];
    }
    return true;
}

PyObject* call_start_response(PyObject* self, PyObject* const* arguments, std::size_t flags,
                              PyObject* keyword_names) {
    WsgiResponse* response = response_of(self);
    if (response == nullptr) return nullptr;
    const Py_ssize_t count = PyVectorcall_NARGS(flags);
    PyObject* exc_info = count == 3 ? arguments[2] : nullptr;
    if (keyword_names != nullptr && !take_keywords(keyword_names, arguments + count, &exc_info)) {
        return nullptr;
    }
    if (count != 2 && count != 3) {
        PyErr_Format(PyExc_TypeError,
                     "start_response takes (status, headers[, exc_info]); %zd arguments were given",
                     count);
        return nullptr;
    }
    if (!response->start(arguments[0], arguments[1], exc_info)) return nullptr;
    return PyCFunction_New(&g_write, self);
}

void callable_dealloc(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    PyObject_Free(object);
    Py_DECREF(type);
}

PyMemberDef g_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Callable, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr}};

}  // namespace

bool StartResponseType::prepare() {
    PyType_Slot slots[] = {{Py_tp_members, g_members},
                           {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                           {Py_tp_dealloc, reinterpret_cast<void*>(callable_dealloc)},
                           {0, nullptr}};
    PyType_Spec spec{"mewsgi.StartResponse", sizeof(Callable), 0,
                     Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL, slots};
    type_ = PyRef::steal(PyType_FromSpec(&spec));
    return static_cast<bool>(type_);
}

PyObject* StartResponseType::make(WsgiResponse& response) {
    PyObject* object = spare_.release();
    if (object == nullptr) {
        Callable* made = PyObject_New(Callable, reinterpret_cast<PyTypeObject*>(type_.get()));
        if (made == nullptr) return nullptr;
        made->vectorcall = call_start_response;
        object = reinterpret_cast<PyObject*>(made);
    }
    self_of(object)->response = &response;
    return object;
}

void StartResponseType::detach(PyObject* callable) {
    self_of(callable)->response = nullptr;
#ifndef Py_GIL_DISABLED  // without the GIL a count of one does not prove that nobody else looks
    if (Py_REFCNT(callable) == 1) spare_ = PyRef::borrow(callable);
#endif
}

}  // namespace mew::python
