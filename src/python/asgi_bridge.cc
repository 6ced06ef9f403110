#include "python/asgi_bridge.h"

#include <algorithm>

#include "log/log.h"
#include "python/app_error.h"
#include "python/asgi_http.h"
#include "python/compat.h"

namespace mew::python {
namespace {

// RFC 6455 4.4: the answer to another version names ours.
void refuse_websocket(http::Exchange& exchange, int status) {
    http::ResponseHead head;
    head.status = status;
    head.headers.push_back(websocket::kVersionField);
    head.implied_length = 0;
    if (status != 426 || !head.check()) return exchange.response.fail(status);
    if (exchange.response.start(head)) (void)exchange.response.finish();
}

}  // namespace

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
    if (exchange.response.may_detach() && websocket::asks_for_websocket(exchange.head))
        return run_websocket(exchange, *app, choice.prefix);
    return run_http(exchange, *app, choice.prefix);
}

// A scope could not be made.
http::Ran AsgiBridge::fail(http::Exchange& exchange) {
    exchange.app_failed = true;
    const PyRef error = PyRef::steal(take_raised());
    log_app_error(error.get(), exchange.head.method(), exchange.head.target());
    exchange.response.fail(500);
    return http::Ran::done;
}

http::Ran AsgiBridge::run_websocket(http::Exchange& exchange, const Asgi& app,
                                    std::string_view prefix) {
    const auto offer = websocket::read_offer(exchange.head);
    if (!offer) {
        log::info("websocket-refused", "{} {}: {}", exchange.head.method(), exchange.head.target(),
                  offer.error().reason);
        refuse_websocket(exchange, offer.error().status);
        return http::Ran::done;
    }
    PyRef scope =
        host_.scopes.make_websocket(exchange, {prefix, app.state.get()}, offer->subprotocols);
    if (!scope) return fail(exchange);
    auto* const call = new WebSocketCall(host_, websockets_, *offer);
    return call->run(exchange, app.app.get(), std::move(scope));
}

http::Ran AsgiBridge::run_http(http::Exchange& exchange, const Asgi& app, std::string_view prefix) {
    PyRef scope = host_.scopes.make_http(exchange, {prefix, app.state.get()});
    if (!scope) return fail(exchange);
    return host_.take_http_call().run(exchange, app.app.get(), std::move(scope));
}

}  // namespace mew::python
