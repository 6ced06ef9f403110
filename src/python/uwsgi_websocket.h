#pragma once
// The WebSocket codec as Python code of ours has it (mewsgi/_websocket.py), for uWSGI's calls in
// WSGI apps: bytes in, events and bytes out; the socket is Python's, so that a gevent that patched
// it is obeyed. Its face is typed in python/mewsgi/_mewsgi.pyi.

#include <Python.h>

namespace mew::python {

// Puts the type `WebSocket` into the module; -1 with an exception set.
int add_websocket_type(PyObject* module);

// websocket_accept(key, version, protocols, extensions, protocol, deflate): the answer to an
// opening handshake, from the values of its fields.
PyObject* websocket_accept(PyObject* module, PyObject* args);

}  // namespace mew::python
