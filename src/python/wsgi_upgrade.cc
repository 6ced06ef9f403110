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

bool offer_connection(PyObject* environ, PyObject* start_response) {
    const PyRef detach = PyRef::steal(StartResponseType::make_detach(start_response));
    const PyRef module = PyRef::steal(PyImport_ImportModule("mewsgi._upgrade"));
    if (!detach || !module) return false;
    const PyRef done =
        PyRef::steal(PyObject_CallMethod(module.get(), "offer", "OO", environ, detach.get()));
    return static_cast<bool>(done);
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
