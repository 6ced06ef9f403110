#include "python/wsgi_upgrade.h"

#include "http/grammar.h"
#include "python/ref.h"
#include "python/wsgi_response.h"

namespace mew::python {

bool is_websocket_request(const http::Exchange& exchange) {
    const http::RequestHead& head = exchange.head;
    bool asks = false;
    bool connects = false;
    for (const http::FieldSlices& field : head.fields()) {
        if (field.id == http::FieldName::upgrade) {
            asks = asks || http::list_contains(head.value(field), "websocket");
        } else if (field.id == http::FieldName::connection) {
            connects = connects || http::list_contains(head.value(field), "upgrade");
        }
    }
    return asks && connects && head.method() == "GET" && exchange.response.may_detach();
}

PyRef offer_connection(PyObject* environ, PyObject* start_response) {
    const PyRef detach = PyRef::steal(StartResponseType::make_detach(start_response));
    const PyRef libraries = PyRef::steal(PyImport_ImportModule("mewsgi._upgrade"));
    const PyRef uwsgi = PyRef::steal(PyImport_ImportModule("mewsgi._websocket"));
    if (!detach || !libraries || !uwsgi) return PyRef();
    const PyRef done =
        PyRef::steal(PyObject_CallMethod(libraries.get(), "offer", "OO", environ, detach.get()));
    if (!done) return PyRef();
    return PyRef::steal(PyObject_CallMethod(uwsgi.get(), "begin", "OO", environ, detach.get()));
}

void end_websocket(PyObject* offered) {
    PyObject* const raised = take_raised();
    const PyRef done = PyRef::steal(
        PyObject_CallMethod(offered, "end", "O", raised != nullptr ? Py_True : Py_False));
    if (!done) PyErr_WriteUnraisable(offered);
    if (raised != nullptr) set_raised(raised);
}

bool answer_failed_handshake(PyObject* start_response) {
    if (!PyErr_ExceptionMatches(PyExc_ConnectionError)) return false;
    const PyRef raised = PyRef::steal(take_raised());
    const PyRef module = PyRef::steal(PyImport_ImportModule("mewsgi._websocket"));
    const PyRef answered = PyRef::steal(
        module ? PyObject_CallMethod(module.get(), "answer", "OO", raised.get(), start_response)
               : nullptr);
    if (answered && answered.get() == Py_True) return true;
    PyErr_Clear();
    set_raised(Py_NewRef(raised.get()));
    return false;
}

bool ended_a_takeover() {
    if (!PyErr_ExceptionMatches(PyExc_StopIteration) &&
        !PyErr_ExceptionMatches(PyExc_ConnectionError)) {
        return false;
    }
    PyErr_Clear();
    return true;
}

}  // namespace mew::python
