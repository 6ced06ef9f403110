#pragma once
// wsgi.input: the request body as a file-like object. It streams, waits for what has not come yet,
// and raises mewsgi.RequestBodyError (an OSError) when the body was cut or malformed: a cut body
// never looks complete.

#include <Python.h>

#include "http/exchange.h"
#include "python/ref.h"

namespace mew::python {

class InputType {
public:
    bool prepare();
    // `source` may be null (no body). The object outlives it: see detach().
    PyObject* make(http::BodySource* source);
    // The exchange is over: later reads find the end.
    static void detach(PyObject* input);
    // The failure that `input` raised, if it did; lets the bridge tell it from an app's own error.
    static const http::BodyFailure* failure(PyObject* input);
    PyObject* error_type() const { return error_type_.get(); }

private:
    PyRef type_;
    PyRef error_type_;
    PyRef empty_;  // shared by all requests without a body
};

}  // namespace mew::python
