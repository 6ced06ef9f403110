#pragma once
// The Python objects of a call of an ASGI app: the coroutine that its task runs, the functions
// receive and send, and what these two give. All of the latter are awaitables and coroutines.

#include <Python.h>

#include "python/ref.h"

namespace mew::python {

class AsgiCall;
class AsgiHost;

// Null with an exception set, all of them.
PyRef make_call_type();
PyRef make_awaitable_type();
// One that is done, with None; it may be awaited any number of times.
PyRef make_done(const AsgiHost& host);

// Owns `call` from then on.
PyRef make_call_object(const AsgiHost& host, AsgiCall& call);
PyRef make_receive(PyObject* call_object);
PyRef make_send(PyObject* call_object);

}  // namespace mew::python
