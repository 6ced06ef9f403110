#pragma once
// The scope of an ASGI app's call (ASGI 3, HTTP and WebSocket specification 2.5): a copy of a
// prepared dict, one for each listening socket and kind, plus what this request brings. Header
// pairs, client addresses and paths that repeat are used again instead of made anew.

#include <Python.h>

#include <array>
#include <string>
#include <vector>

#include "http/exchange.h"
#include "http/field_name.h"
#include "net/listener.h"
#include "python/ref.h"

namespace mew::python {

class AsgiScopes {
public:
    // Which app a scope is for.
    struct App {
        std::string_view root_path;  // where it is mounted
        PyObject* state = nullptr;   // its lifespan's dict, copied into the scope; null: none
    };

    // False with an exception set.
    bool prepare(const std::vector<net::ListenerInfo>& listeners);

    // New dicts; null with an exception set.
    PyRef make_http(const http::Exchange& exchange, const App& app);
    PyRef make_websocket(const http::Exchange& exchange, const App& app,
                         const std::vector<std::string_view>& subprotocols);

private:
    struct Keys {
        PyRef method, http_version, path, raw_path, query_string, root_path, headers, client,
            server, scheme, state, extensions, subprotocols;
    };
    struct Client {
        std::uint64_t tag = 0;
        PyRef value;
    };
    static constexpr std::size_t kClients = 256;
    static constexpr std::size_t kMethods = 8;

    PyRef make(const http::Exchange& exchange, const std::vector<PyRef>& bases, const App& app,
               bool websocket);
    bool set_path(PyObject* scope, const http::RequestHead& head, std::string_view root_path);
    bool set_client(PyObject* scope, const http::Exchange& exchange);
    bool set_server(PyObject* scope, const http::RequestHead& head);
    PyRef make_headers(const http::RequestHead& head);
    PyRef make_pair(http::FieldName id, std::string_view name, std::string_view value);
    PyRef base_dict(const net::ListenerInfo& listener, bool websocket);

    std::vector<PyRef> http_bases_;
    std::vector<PyRef> websocket_bases_;
    Keys keys_;
    std::array<PyRef, kMethods> methods_;
    std::array<PyRef, 4> versions_;
    PyRef https_, wss_, asgi_http_, asgi_websocket_, empty_bytes_;
    PyRef http_extensions_, hints_extensions_, websocket_extensions_;
    std::array<PyRef, http::kFieldNames> names_;
    std::array<PyRef, http::kFieldNames> last_pairs_;
    std::array<Client, kClients> clients_;
    std::string last_target_path_;
    PyRef last_path_, last_raw_path_;
    std::string scratch_;
};

}  // namespace mew::python
