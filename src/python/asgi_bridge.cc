#include "python/asgi_bridge.h"

#include <algorithm>

#include "log/log.h"
#include "python/app_error.h"
#include "python/asgi_http.h"

namespace mew::python {

bool AsgiBridge::prepare(PyObject* application, PyObject* mounts, PyObject* kinds,
                         const std::vector<net::ListenerInfo>& listeners, bool manage_script_name) {
    application_ = PyRef::borrow(application);
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(kinds); ++i) {
        PyObject *app = nullptr, *state = nullptr;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(kinds, i), "OO", &app, &state)) return false;
        asgi_.push_back({PyRef::borrow(app), PyRef::borrow(state == Py_None ? nullptr : state)});
    }
    if (!mounted_.take(mounts)) return false;
    mounted_.set_listeners(listeners, manage_script_name);
    return true;
}

const AsgiBridge::Asgi* AsgiBridge::find(PyObject* app) const {
    const auto found =
        std::ranges::find_if(asgi_, [app](const Asgi& one) { return one.app.get() == app; });
    return found == asgi_.end() ? nullptr : &*found;
}

http::Ran AsgiBridge::run(http::Exchange& exchange) {
    MountedApps::Choice choice{application_.get(), true, {}};
    if (!mounted_.empty()) choice = mounted_.choose(exchange);
    if (!choice.found) {
        exchange.response.fail(404);
        return http::Ran::done;
    }
    if (choice.app == nullptr) {
        log::error("no-app", "{} {}: no app is loaded; give --module or --wsgi-file",
                   exchange.head.method(), exchange.head.target());
        exchange.response.fail(500);
        return http::Ran::done;
    }
    const Asgi* const app = find(choice.app);
    if (app == nullptr) return http::Ran::elsewhere;
    return run_http(exchange, *app, choice.prefix);
}

http::Ran AsgiBridge::run_http(http::Exchange& exchange, const Asgi& app, std::string_view prefix) {
    PyRef scope = host_.scopes.make_http(exchange, {prefix, app.state.get()});
    if (!scope) {
        exchange.app_failed = true;
        log_app_error(exchange.head.method(), exchange.head.target());
        exchange.response.fail(500);
        return http::Ran::done;
    }
    return host_.take_http_call().run(exchange, app.app.get(), std::move(scope));
}

}  // namespace mew::python
