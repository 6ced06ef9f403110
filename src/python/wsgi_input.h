#pragma once
// wsgi.input: the request body as a file-like object. It streams, waits for what has not come yet,
// and raises mewsgi.RequestBodyError (an OSError) when the body was cut or malformed, in this and
// in every later call: a cut body never looks complete.
//
// seek and tell: a body no larger than post-buffering is kept while its request lasts and is
// seekable; of a larger one, or a chunked one that is still coming, tell() works, seek() goes
// forwards (by reading) and raises io.UnsupportedOperation backwards and for the end. Beyond the
// end there is nothing to seek to: seek() stops at it and returns where it is.
// Used by workers, on the thread that runs the app and any that the app starts.

#include <Python.h>

#include <cstdint>
#include <optional>

#include "http/exchange.h"
#include "python/ref.h"

namespace mew::python {

class InputType {
public:
    // `keeps` is post-buffering: the largest body that may be gone back in.
    bool prepare(std::uint64_t keeps);
    // The body of an exchange. The object may outlive it: see detach().
    PyObject* make(http::BodySource* source, std::optional<std::uint64_t> size);
    // The exchange is over: later reads of what was not read yet raise. Waits for a thread of the
    // app that is still reading.
    static void detach(PyObject* input);
    // The failure that `input` raised, if it did; lets the bridge tell it from an app's own error.
    static const http::BodyFailure* failure(PyObject* input);
    PyObject* error_type() const { return error_type_.get(); }

private:
    PyRef type_;
    PyRef error_type_;
    PyRef unsupported_;  // io.UnsupportedOperation
    std::uint64_t keeps_ = 0;
    PyRef empty_;  // shared by all requests without a body; nothing in it ever changes
};

}  // namespace mew::python
