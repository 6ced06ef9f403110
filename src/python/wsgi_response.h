#pragma once
// The answer of a WSGI app on its way to the response sink: start_response, write(), and the rules
// of PEP 3333 on when the head leaves. One WsgiResponse per exchange, on the stack of the bridge;
// the Python callables that an app holds point to it and are cut off when the exchange ends. An
// app may call them from threads of its own: each call of either side takes the turn first.

#include <Python.h>

#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.h"
#include "python/ref.h"
#include "python/turn.h"

namespace mew::python {

class WsgiResponse {
public:
    WsgiResponse(http::ResponseSink& sink, http::ResponseHead& head, std::vector<PyRef>& keep)
        : sink_(sink), head_(head), keep_(keep) {}

    bool called() const { return called_; }
    // The app took the connection over, and answers by itself.
    bool detached() const { return detached_; }

    enum class Sent : std::uint8_t {
        sent,
        client_gone,
        error
    };  // error: a Python exception is set
    // --- called by the bridge
    // A piece of body; sends the head before the first one that is not empty.
    Sent write(PyObject* piece);
    Sent flush();
    Sent send_head();
    Sent send_file(int fd, std::uint64_t offset, std::uint64_t size);
    // No piece follows. False: the answer was shorter than its Content-Length.
    bool finish();
    // The size of the whole body is known before its first byte is sent.
    void set_implied_length(std::uint64_t size) { head_.implied_length = size; }
    const http::ResponseHead& head() const { return head_; }

private:
    friend class StartResponseType;
    friend struct ResponseCalls;  // what the app calls; it holds the turn

    // start_response(status, headers[, exc_info]); false with an exception set.
    bool start(PyObject* status, PyObject* headers, PyObject* exc_info);
    Sent take_piece(PyObject* piece);
    PyObject* detach();
    bool hint(PyObject* headers);
    Sent push();
    Sent begin();
    Sent note(const base::Result<void>& sent);
    void warn_of_dropped();
    bool take_status(PyObject* status);
    bool take_headers(PyObject* headers, http::ResponseHead& head);
    bool take_header(PyObject* header, Py_ssize_t index, http::ResponseHead& head);

    http::ResponseSink& sink_;
    http::ResponseHead& head_;
    std::vector<PyRef>& keep_;  // what the head's views point into
    Turn* turn_ = nullptr;      // of the callable that is bound to this
    bool called_ = false;
    bool finished_ = false;
    bool broken_ = false;  // the app said so by exc_info, too late for another head
    bool client_gone_ = false;
    bool detached_ = false;
};

// TypeError for a piece of a body that is not bytes.
void raise_not_bytes(PyObject* piece);

// The Python face of a WsgiResponse.
class StartResponseType {
public:
    bool prepare();
    // A callable bound to `response`; the last one is used again if the app kept no reference.
    PyObject* make(WsgiResponse& response);
    // A function that takes the connection over: () -> (descriptor, bytes received already).
    static PyObject* make_detach(PyObject* callable);
    // A function that sends headers ahead of the answer: ([(name, value), ...]) -> None.
    static PyObject* make_early_hints(PyObject* callable);
    // After the exchange: calls raise RuntimeError. Waits for one that is still on its way.
    void detach(PyObject* callable);

private:
    PyRef type_;
    PyRef spare_;
};

}  // namespace mew::python
