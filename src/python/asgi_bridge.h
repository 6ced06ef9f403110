#pragma once
// Runs ASGI apps (ASGI 3) on exchanges, beside each other on one loop. Requests of a WSGI app that
// is mounted beside go to the worker's pool. Needs the GIL in run().

#include <Python.h>

#include <vector>

#include "http/exchange.h"
#include "python/asgi_host.h"
#include "python/asgi_websocket.h"
#include "python/mounted_apps.h"

namespace mew::python {

class AsgiBridge final : public http::AppBridge {
public:
    AsgiBridge(AsgiHost& host, const WebSocketSettings& websockets)
        : host_(host), websockets_(websockets) {}

    // `application` may be null; `mounts` as for WSGI; `kinds` is a list of (app, state) of the
    // ASGI apps among them, state being the lifespan's dict or None. False with an exception set.
    bool prepare(PyObject* application, PyObject* mounts, PyObject* kinds,
                 const std::vector<net::ListenerInfo>& listeners, bool manage_script_name);
    http::Ran run(http::Exchange& exchange) override;

private:
    struct Asgi {
        PyRef app;
        PyRef state;
    };
    const Asgi* find(PyObject* app) const;
    http::Ran run_http(http::Exchange& exchange, const Asgi& app, std::string_view prefix);
    http::Ran run_websocket(http::Exchange& exchange, const Asgi& app, std::string_view prefix);
    http::Ran fail(http::Exchange& exchange);

    AsgiHost& host_;
    const WebSocketSettings& websockets_;
    PyRef application_;
    MountedApps mounted_;
    std::vector<Asgi> asgi_;  // the others are WSGI apps
};

}  // namespace mew::python
