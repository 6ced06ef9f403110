#include "python/wsgi_response.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <new>

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

bool is_exc_info(PyObject* exc_info) {
    if (PyTuple_Check(exc_info) && PyTuple_GET_SIZE(exc_info) == 3) return true;
    PyErr_Format(PyExc_TypeError,
                 "start_response: exc_info must be the tuple of three that sys.exc_info() gives, "
                 "not %.200R",
                 exc_info);
    return false;
}

// Raises the exception of an exc_info tuple with its traceback.
void raise_again(PyObject* exc_info) {
    PyObject* const value = PyTuple_GET_ITEM(exc_info, 1);
    PyObject* const traceback = PyTuple_GET_ITEM(exc_info, 2);
    if (!PyExceptionInstance_Check(value)) {
        PyErr_SetString(PyExc_AssertionError,
                        "start_response was called again after the head was sent, and its exc_info "
                        "holds no exception (PEP 3333)");
        return;
    }
    if (traceback != Py_None && PyException_SetTraceback(value, traceback) != 0) return;
    set_raised(Py_NewRef(value));
}

}  // namespace

bool WsgiResponse::start(PyObject* status, PyObject* headers, PyObject* exc_info) {
    const bool replaces = exc_info != nullptr && exc_info != Py_None;
    if (replaces && !is_exc_info(exc_info)) return false;
    if (replaces && sink_.started()) {
        broken_ = true;
        raise_again(exc_info);
        return false;
    }
    if (called_ && !replaces) {
        PyErr_SetString(PyExc_AssertionError,
                        "start_response was called a second time without exc_info (PEP 3333)");
        return false;
    }
    // Nothing of a head that turns out to be wrong may be sent, whatever the app makes of the
    // error.
    called_ = false;
    head_.clear();
    keep_.clear();
    if (!take_status(status) || !take_headers(headers, head_)) return false;
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

bool WsgiResponse::take_headers(PyObject* headers, http::ResponseHead& head) {
    if (!PyList_Check(headers)) {
        PyErr_Format(PyExc_TypeError,
                     "start_response: the headers must be a list of (name, value), not %.100s (PEP "
                     "3333)",
                     Py_TYPE(headers)->tp_name);
        return false;
    }
    // The size is read anew at each step: taking a header may run code of the app's.
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); ++i) {
        keep_.push_back(PyRef::borrow(PyList_GET_ITEM(headers, i)));
        if (!take_header(keep_.back().get(), i, head)) return false;
    }
    return true;
}

bool WsgiResponse::take_header(PyObject* header, Py_ssize_t index, http::ResponseHead& head) {
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
    head.headers.push_back(entry);
    return true;
}

// Too late, they are of no use, which is no fault of the app's.
bool WsgiResponse::hint(PyObject* headers) {
    http::ResponseHead hints;
    if (!take_headers(headers, hints)) return false;
    if (const auto checked = hints.check(); !checked) {
        PyErr_SetString(PyExc_ValueError, checked.error().text.c_str());
        return false;
    }
    sink_.hint(hints);
    return true;
}

void raise_not_bytes(PyObject* piece) {
    PyErr_Format(PyExc_TypeError, "the body must be made of bytes, not %.100s%s",
                 Py_TYPE(piece)->tp_name,
                 PyUnicode_Check(piece) ? "; encode it: text.encode()" : "");
}

// Once per name: an app that sets one of these sets it in every answer.
void WsgiResponse::warn_of_dropped() {
    static std::array<std::atomic<bool>, http::kFieldNames> warned;
    const auto id = static_cast<std::size_t>(http::find_field_name(head_.dropped_name));
    if (warned[id].exchange(true, std::memory_order_relaxed)) return;
    log::warning("hop-by-hop-header",
                 "dropped the app's header {}: it is the server's to say (PEP 3333, RFC 9110 "
                 "7.6.1). Said once per name and worker; remove it from the app",
                 head_.dropped_name);
}

// What PEP 3333 calls sending the headers; once.
WsgiResponse::Sent WsgiResponse::begin() {
    if (sink_.started()) return client_gone_ ? Sent::client_gone : Sent::sent;
    if (!called_) {
        PyErr_SetString(PyExc_AssertionError,
                        "the app sent a body before it called start_response (PEP 3333)");
        return Sent::error;
    }
    if (!head_.dropped_name.empty()) warn_of_dropped();
    return note(sink_.start(head_));
}

// An error with an exception set is one that was thrown into the wait: a gevent.Timeout.
WsgiResponse::Sent WsgiResponse::note(const base::Result<void>& sent) {
    if (sent) return Sent::sent;
    if (PyErr_Occurred() != nullptr) return Sent::error;
    client_gone_ = true;
    return Sent::client_gone;
}

WsgiResponse::Sent WsgiResponse::take_piece(PyObject* piece) {
    if (!PyBytes_Check(piece)) {
        raise_not_bytes(piece);
        return Sent::error;
    }
    if (finished_) {
        PyErr_SetString(PyExc_RuntimeError, "write() was called after the end of the answer");
        return Sent::error;
    }
    const std::string_view bytes(PyBytes_AS_STRING(piece),
                                 static_cast<std::size_t>(PyBytes_GET_SIZE(piece)));
    if (bytes.empty() || detached_) return Sent::sent;
    if (head_.says_chunked && !sink_.started() && http::is_in_chunks(bytes)) {
        PyErr_SetString(PyExc_ValueError,
                        "the app set Transfer-Encoding: chunked and made the chunks itself, which "
                        "is the server's to do (PEP 3333): yield the plain pieces, and leave the "
                        "header out");
        return Sent::error;
    }
    if (const Sent head = begin(); head != Sent::sent) return head;
    return note(sink_.write(bytes));
}

PyObject* WsgiResponse::detach() {
    auto taken = sink_.detach(http::Detach::until_end);
    if (!taken) {
        if (PyErr_Occurred() == nullptr) PyErr_SetString(PyExc_OSError, taken.error().text.c_str());
        return nullptr;
    }
    detached_ = true;
    PyObject* const result =
        Py_BuildValue("iN", taken->fd,
                      PyBytes_FromStringAndSize(taken->unread.data(),
                                                static_cast<Py_ssize_t>(taken->unread.size())));
    if (result == nullptr) ::close(taken->fd);
    return result;
}

WsgiResponse::Sent WsgiResponse::push() {
    if (detached_) return Sent::sent;
    return client_gone_ ? Sent::client_gone : note(sink_.flush());
}

WsgiResponse::Sent WsgiResponse::send_head() {
    const TakenTurn turn(*turn_);
    return turn ? begin() : Sent::error;
}

WsgiResponse::Sent WsgiResponse::write(PyObject* piece) {
    const TakenTurn turn(*turn_);
    return turn ? take_piece(piece) : Sent::error;
}

WsgiResponse::Sent WsgiResponse::flush() {
    const TakenTurn turn(*turn_);
    return turn ? push() : Sent::error;
}

WsgiResponse::Sent WsgiResponse::send_file(int fd, std::uint64_t offset, std::uint64_t size) {
    const TakenTurn turn(*turn_);
    if (!turn) return Sent::error;
    if (const Sent head = begin(); head != Sent::sent) return head;
    return note(sink_.send_file(fd, offset, size));
}

bool WsgiResponse::finish() {
    const TakenTurn turn(*turn_);
    finished_ = true;
    if (!broken_) return sink_.finish();
    log::warning("answer-broken",
                 "an app called start_response with exc_info after the head was sent, and went on; "
                 "its answer was cut (PEP 3333)");
    sink_.fail(500);
    return true;
}

// --- the Python objects
// ---------------------------------------------------------------------------

namespace {

struct Callable {
    PyObject_HEAD WsgiResponse* response;  // null once its exchange is over
    vectorcallfunc vectorcall;
    Turn turn;
};

Callable* self_of(PyObject* object) { return reinterpret_cast<Callable*>(object); }

// Both, with the turn held.
WsgiResponse* response_of(PyObject* object) {
    WsgiResponse* response = self_of(object)->response;
    if (response == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "the request that this belonged to is over");
    }
    return response;
}

}  // namespace

struct ResponseCalls {
    static PyObject* write(PyObject* self, PyObject* piece) {
        const TakenTurn turn(self_of(self)->turn);
        WsgiResponse* response = turn ? response_of(self) : nullptr;
        if (response == nullptr) return nullptr;
        // A client that left is no exception: what follows is dropped.
        if (response->take_piece(piece) == WsgiResponse::Sent::error) return nullptr;
        if (response->push() == WsgiResponse::Sent::error) return nullptr;
        Py_RETURN_NONE;
    }

    static PyObject* detach(PyObject* self, PyObject*) {
        const TakenTurn turn(self_of(self)->turn);
        WsgiResponse* response = turn ? response_of(self) : nullptr;
        return response != nullptr ? response->detach() : nullptr;
    }

    static PyObject* early_hints(PyObject* self, PyObject* headers) {
        const TakenTurn turn(self_of(self)->turn);
        WsgiResponse* response = turn ? response_of(self) : nullptr;
        if (response == nullptr || !response->hint(headers)) return nullptr;
        Py_RETURN_NONE;
    }

    static bool start(PyObject* self, PyObject* status, PyObject* headers, PyObject* exc_info) {
        const TakenTurn turn(self_of(self)->turn);
        WsgiResponse* response = turn ? response_of(self) : nullptr;
        return response != nullptr && response->start(status, headers, exc_info);
    }
};

namespace {

PyMethodDef g_detach = {"detach", ResponseCalls::detach, METH_NOARGS, "takes the connection over"};
PyMethodDef g_early_hints = {"early_hints", ResponseCalls::early_hints, METH_O,
                             "early_hints([(name, value), ...]): headers ahead of the answer"};
PyMethodDef g_write = {"write", ResponseCalls::write, METH_O,
                       "write(bytes): sends a piece of the body"};

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
    if (!ResponseCalls::start(self, arguments[0], arguments[1], exc_info)) return nullptr;
    return PyCFunction_New(&g_write, self);
}

void callable_dealloc(PyObject* object) {
    PyTypeObject* type = Py_TYPE(object);
    self_of(object)->turn.~Turn();
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
    type_ = PyRef::steal(type_of_ours(spec));
    return static_cast<bool>(type_);
}

PyObject* StartResponseType::make(WsgiResponse& response) {
    PyObject* object = spare_.release();
    if (object == nullptr) {
        Callable* made = PyObject_New(Callable, reinterpret_cast<PyTypeObject*>(type_.get()));
        if (made == nullptr) return nullptr;
        made->vectorcall = call_start_response;
        new (&made->turn) Turn();
        object = reinterpret_cast<PyObject*>(made);
    }
    self_of(object)->response = &response;
    response.turn_ = &self_of(object)->turn;
    return object;
}

PyObject* StartResponseType::make_detach(PyObject* callable) {
    return PyCFunction_New(&g_detach, callable);
}

PyObject* StartResponseType::make_early_hints(PyObject* callable) {
    return PyCFunction_New(&g_early_hints, callable);
}

void StartResponseType::detach(PyObject* callable) {
    {
        const TakenTurn turn(self_of(callable)->turn);
        self_of(callable)->response = nullptr;
    }
#ifndef Py_GIL_DISABLED  // without the GIL a count of one does not prove that nobody else looks
    if (Py_REFCNT(callable) == 1) spare_ = PyRef::borrow(callable);
#endif
}

}  // namespace mew::python
