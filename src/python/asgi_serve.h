#pragma once
// A worker of ASGI apps, driven by an asyncio loop that python/mewsgi/_asgi.py makes and runs:
// open, then turns until the worker is retired, then close.
#include <Python.h>

namespace mew::python {

// asgi_open(loop, application, mounts, kinds, has_wsgi, disconnected): tells the master that this
// worker is ready, and serves as soon as the loop runs. The loop is stopped when the worker is
// retired. `kinds` is a list of (app, state) of the ASGI apps; has_wsgi: there are others beside.
PyObject* asgi_open(PyObject* module, PyObject* arguments);
// asgi_close() -> exit status: after the loop's last turn; says that this worker has left.
PyObject* asgi_close(PyObject* module, PyObject* unused);

}  // namespace mew::python
