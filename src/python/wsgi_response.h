#pragma once
// The answer of a WSGI app on its way to the response sink: start_response, write(), and the rules
// of PEP 3333 on when the head leaves. One WsgiResponse per exchange, on the stack of the bridge;
// the Python callables that an app holds point to it and are cut off when the exchange ends.

#include <Python.h>

#include <string>
#include <string_view>
#include <vector>

#include "http/exchange.h"
#include "python/ref.h"

namespace mew::python {

class WsgiResponse {
public:
    WsgiResponse(http::ResponseSink& sink, http::ResponseHead& head, std::vector<PyRef>& keep)
        : sink_(sink), head_(head), keep_(keep) {}

    // start_response(status, headers[, exc_info]); false with an exception set.
    bool start(PyObject* status, PyObject* headers, PyObject* exc_info);
    bool called() const { return called_; }

    enum class Sent : std::uint8_t {
        sent,
        client_gone,
        error
    };  // error: a Python exception is set
    // A piece of body; sends the head before the first one that is not empty.
    Sent write(PyObject* piece);
    Sent write(std::string_view bytes);
    Sent flush();
    Sent send_head();
    // The size of the whole body is known before its first byte is sent.
    void set_implied_length(std::uint64_t size) { head_.implied_length = size; }
    const http::ResponseHead& head() const { return head_; }

private:
    bool take_status(PyObject* status);
    bool take_headers(PyObject* headers);
    bool take_header(PyObject* header, Py_ssize_t index);

    http::ResponseSink& sink_;
    http::ResponseHead& head_;
    std::vector<PyRef>& keep_;  // what the head's views point into
    bool called_ = false;
    bool client_gone_ = false;
};

// The Python face of a WsgiResponse.
class StartResponseType {
public:
    bool prepare();
    // A callable bound to `response`; the last one is used again if the app kept no reference.
    PyObject* make(WsgiResponse& response);
    // After the exchange: calls raise RuntimeError.
    void detach(PyObject* callable);

private:
    PyRef type_;
    PyRef spare_;
};

}  // namespace mew::python
