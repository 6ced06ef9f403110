#pragma once
// `mewsgi dev`: what a browser sees when the app raised. The page is made in Python
// (python/mewsgi/_dev.py); here it becomes the answer. Everything needs the GIL.

#include <Python.h>

#include "http/exchange.h"

namespace mew::python {

// Are there pages? Else nothing need be made for one.
bool shows_errors();

// Answers with the page of `error`, an exception; `environ`, or an ASGI scope, may be null. False:
// there is no page, or an answer has begun, and the caller does what it does without.
bool answer_with_error_page(http::ResponseSink& response, PyObject* error, PyObject* environ);

// show_errors(page): page(exception, environ or None) -> (type, body), both bytes, or None.
PyObject* show_errors(PyObject* module, PyObject* page);

}  // namespace mew::python
