#include "python/error_page.h"

#include "log/log.h"
#include "python/app_error.h"
#include "python/ref.h"

namespace mew::python {
namespace {

PyObject* g_page = nullptr;  // set once, in the worker; never freed

bool send_page(http::ResponseSink& response, std::string_view type, std::string_view body) {
    http::ResponseHead head;
    head.status = 500;
    head.headers.push_back({"Content-Type", type});
    head.headers.push_back({"Cache-Control", "no-store"});
    head.implied_length = body.size();
    if (!head.check() || !response.start(head)) return false;
    // A client that left meanwhile is no concern.
    if (response.write(body)) response.finish();
    return true;
}

std::string_view view_of(PyObject* bytes) {
    return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))};
}

}  // namespace

bool shows_errors() { return g_page != nullptr; }

bool answer_with_error_page(http::ResponseSink& response, PyObject* error, PyObject* environ) {
    if (g_page == nullptr || error == nullptr || response.started()) return false;
    PyObject* const given = environ == nullptr ? Py_None : environ;
    const PyRef page = PyRef::steal(PyObject_CallFunctionObjArgs(g_page, error, given, nullptr));
    PyObject* type = nullptr;
    PyObject* body = nullptr;
    if (page && page.get() == Py_None) return false;
    if (!page || !PyArg_ParseTuple(page.get(), "SS", &type, &body)) {
        log::error("error-page", "the page of an error could not be made\n{}", take_traceback());
        return false;
    }
    return send_page(response, view_of(type), view_of(body));
}

PyObject* show_errors(PyObject*, PyObject* page) {
    Py_INCREF(page);
    g_page = page;
    Py_RETURN_NONE;
}

}  // namespace mew::python
