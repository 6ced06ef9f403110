#include "python/asgi_objects.h"

#include "python/asgi_call.h"
#include "python/compat.h"

namespace mew::python {
namespace {

// --- the coroutine of the task

struct CallObject {
    PyObject_HEAD AsgiCall* call;
};

AsgiCall& call_of(PyObject* object) { return *reinterpret_cast<CallObject*>(object)->call; }

void call_dealloc(PyObject* object) {
    PyTypeObject* const type = Py_TYPE(object);
    call_of(object).retire();
    PyObject_Free(object);
    Py_DECREF(type);
}

// What a coroutine's send() raises at its end.
PyObject* raise_end(PyObject* value) {
    if (value == nullptr) return nullptr;
    if (value == Py_None) {
        PyErr_SetNone(PyExc_StopIteration);
    } else {
        PyObject* const end = PyObject_CallOneArg(PyExc_StopIteration, value);
        if (end != nullptr) PyErr_SetObject(PyExc_StopIteration, end);
        Py_XDECREF(end);
    }
    Py_DECREF(value);
    return nullptr;
}

PyObject* call_send(PyObject* self, PyObject* value) {
    bool finished = false;
    PyObject* const given = call_of(self).step(value, finished);
    return finished ? raise_end(given) : given;
}

PyObject* call_next(PyObject* self) { return call_send(self, Py_None); }

PyObject* exception_of(PyObject* arguments) {
    PyObject* type = nullptr;
    PyObject* value = nullptr;
    PyObject* traceback = nullptr;
    if (!PyArg_ParseTuple(arguments, "O|OO", &type, &value, &traceback)) return nullptr;
    if (PyExceptionInstance_Check(type)) return Py_NewRef(type);
    if (value != nullptr && PyExceptionInstance_Check(value)) return Py_NewRef(value);
    if (value == nullptr || value == Py_None) return PyObject_CallNoArgs(type);
    return PyObject_CallOneArg(type, value);
}

PyObject* call_throw(PyObject* self, PyObject* arguments) {
    const PyRef raised = PyRef::steal(exception_of(arguments));
    return raised ? call_of(self).throw_in(raised.get()) : nullptr;
}

PyObject* close_nothing(PyObject*, PyObject*) { Py_RETURN_NONE; }

PyObject* itself(PyObject* self) { return Py_NewRef(self); }
PyObject* await_itself(PyObject* self, PyObject*) { return Py_NewRef(self); }

#if PY_VERSION_HEX >= 0x030A0000
PySendResult call_am_send(PyObject* self, PyObject* value, PyObject** result) {
    bool finished = false;
    *result = call_of(self).step(value, finished);
    if (*result == nullptr) return PYGEN_ERROR;
    return finished ? PYGEN_RETURN : PYGEN_NEXT;
}
#endif

// As asyncio and debuggers ask it of a coroutine: the app's own.
PyObject* of_app(PyObject* self, void* name) {
    PyObject* const coroutine = call_of(self).coroutine();
    if (coroutine == nullptr) Py_RETURN_NONE;
    return PyObject_GetAttrString(coroutine, static_cast<const char*>(name));
}

char frame_name[] = "cr_frame", code_name[] = "cr_code", await_name[] = "cr_await",
     running_name[] = "cr_running";

PyGetSetDef call_attributes[] = {
    {"cr_frame", of_app, nullptr, nullptr, frame_name},
    {"cr_code", of_app, nullptr, nullptr, code_name},
    {"cr_await", of_app, nullptr, nullptr, await_name},
    {"cr_running", of_app, nullptr, nullptr, running_name},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyMethodDef call_methods[] = {
    {"send", call_send, METH_O, nullptr},
    {"throw", call_throw, METH_VARARGS, nullptr},
    {"close", close_nothing, METH_NOARGS, nullptr},
    {"__await__", await_itself, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot call_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(call_dealloc)},
    {Py_tp_methods, call_methods},
    {Py_tp_getset, call_attributes},
    {Py_tp_iter, reinterpret_cast<void*>(itself)},
    {Py_tp_iternext, reinterpret_cast<void*>(call_next)},
    {Py_am_await, reinterpret_cast<void*>(itself)},
#if PY_VERSION_HEX >= 0x030A0000
    {Py_am_send, reinterpret_cast<void*>(call_am_send)},
#endif
    {0, nullptr},
};

PyType_Spec call_spec = {"mewsgi.AsgiCall", sizeof(CallObject), 0, Py_TPFLAGS_DEFAULT, call_slots};

// --- what receive() and send() give

struct Awaitable {
    PyObject_HEAD PyObject* call;  // null: it waits for nothing
    PyObject* waiter;
    bool receives;
};

Awaitable& awaitable_of(PyObject* object) { return *reinterpret_cast<Awaitable*>(object); }

void drop_waiter(Awaitable& self) {
    if (self.waiter == nullptr) return;
    call_of(self.call).forget_waiter(self.waiter);
    Py_CLEAR(self.waiter);
}

void awaitable_dealloc(PyObject* object) {
    PyTypeObject* const type = Py_TYPE(object);
    Awaitable& self = awaitable_of(object);
    drop_waiter(self);
    Py_XDECREF(self.call);
    PyObject_Free(object);
    Py_DECREF(type);
}

// Its result, or null: not yet, or with an exception set.
PyObject* result_of(Awaitable& self) {
    if (self.call == nullptr) Py_RETURN_NONE;
    AsgiCall& call = call_of(self.call);
    if (self.receives) return call.next_event().release();
    if (call.must_wait()) return nullptr;
    Py_RETURN_NONE;
}

PyObject* awaitable_step(Awaitable& self, bool& finished) {
    drop_waiter(self);
    PyObject* const result = result_of(self);
    finished = result != nullptr || PyErr_Occurred() != nullptr;
    if (finished) return result;
    PyRef waiter = call_of(self.call).make_waiter();
    finished = !waiter;
    self.waiter = Py_XNewRef(waiter.get());
    return waiter.release();
}

PyObject* awaitable_send(PyObject* self, PyObject*) {
    bool finished = false;
    PyObject* const given = awaitable_step(awaitable_of(self), finished);
    return finished ? raise_end(given) : given;
}

PyObject* awaitable_next(PyObject* self) { return awaitable_send(self, nullptr); }

PyObject* awaitable_throw(PyObject* self, PyObject* arguments) {
    drop_waiter(awaitable_of(self));
    PyObject* const raised = exception_of(arguments);
    if (raised != nullptr) set_raised(raised);
    return nullptr;
}

PyObject* awaitable_close(PyObject* self, PyObject*) {
    drop_waiter(awaitable_of(self));
    Py_RETURN_NONE;
}

#if PY_VERSION_HEX >= 0x030A0000
PySendResult awaitable_am_send(PyObject* self, PyObject*, PyObject** result) {
    bool finished = false;
    *result = awaitable_step(awaitable_of(self), finished);
    if (*result == nullptr) return PYGEN_ERROR;
    return finished ? PYGEN_RETURN : PYGEN_NEXT;
}
#endif

PyMethodDef awaitable_methods[] = {
    {"send", awaitable_send, METH_O, nullptr},
    {"throw", awaitable_throw, METH_VARARGS, nullptr},
    {"close", awaitable_close, METH_NOARGS, nullptr},
    {"__await__", await_itself, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot awaitable_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(awaitable_dealloc)},
    {Py_tp_methods, awaitable_methods},
    {Py_tp_iter, reinterpret_cast<void*>(itself)},
    {Py_tp_iternext, reinterpret_cast<void*>(awaitable_next)},
    {Py_am_await, reinterpret_cast<void*>(itself)},
#if PY_VERSION_HEX >= 0x030A0000
    {Py_am_send, reinterpret_cast<void*>(awaitable_am_send)},
#endif
    {0, nullptr},
};

PyType_Spec awaitable_spec = {"mewsgi.AsgiAwaitable", sizeof(Awaitable), 0, Py_TPFLAGS_DEFAULT,
                              awaitable_slots};

PyRef make_awaitable(const AsgiHost& host, PyObject* call, bool receives) {
    PyObject* const object =
        PyType_GenericAlloc(reinterpret_cast<PyTypeObject*>(host.awaitable_type.get()), 0);
    if (object == nullptr) return {};
    Awaitable& self = awaitable_of(object);
    self.call = Py_XNewRef(call);
    self.receives = receives;
    return PyRef::steal(object);
}

// --- receive and send

// An event is taken when it is awaited: a task of it that is cancelled first loses none.
PyObject* receive(PyObject* object, PyObject*) {
    return make_awaitable(call_of(object).host(), object, true).release();
}

PyObject* send(PyObject* object, PyObject* message) {
    AsgiCall& call = call_of(object);
    if (!call.take_message(message)) return nullptr;
    if (!call.must_wait()) return Py_NewRef(call.host().done.get());
    return make_awaitable(call.host(), object, false).release();
}

PyMethodDef receive_method = {"receive", receive, METH_NOARGS, "The next event (ASGI)."};
PyMethodDef send_method = {"send", send, METH_O, "Takes a message (ASGI)."};

}  // namespace

PyRef make_call_type() { return PyRef::steal(type_of_ours(call_spec)); }
PyRef make_awaitable_type() { return PyRef::steal(type_of_ours(awaitable_spec)); }
PyRef make_done(const AsgiHost& host) { return make_awaitable(host, nullptr, false); }

PyRef make_call_object(const AsgiHost& host, AsgiCall& call) {
    PyObject* const object =
        PyType_GenericAlloc(reinterpret_cast<PyTypeObject*>(host.call_type.get()), 0);
    if (object == nullptr) return {};
    reinterpret_cast<CallObject*>(object)->call = &call;
    return PyRef::steal(object);
}

PyRef make_receive(PyObject* call_object) {
    return PyRef::steal(PyCFunction_New(&receive_method, call_object));
}

PyRef make_send(PyObject* call_object) {
    return PyRef::steal(PyCFunction_New(&send_method, call_object));
}

}  // namespace mew::python
