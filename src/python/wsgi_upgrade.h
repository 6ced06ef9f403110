#pragma once
// WebSockets for WSGI apps: libraries that speak the protocol by themselves (simple-websocket,
// gevent-websocket) find in environ the keys by which they ask a server for the client's
// connection. Only requests that ask for a WebSocket get them, and the connection leaves the
// server when it is first used (mewsgi/_upgrade.py). Called by the bridge, in workers.

#include <Python.h>

#include "http/exchange.h"

namespace mew::python {

// RFC 6455 4.1, as far as it is HTTP: GET, HTTP/1.1, no body, Upgrade and Connection.
bool is_websocket_request(const http::Exchange& exchange);

// Puts the keys into environ; false with an exception set.
bool offer_connection(PyObject* environ, PyObject* start_response);

// After a takeover: is the exception that is set one by which such libraries only say that there is
// nothing left to answer? It is cleared then.
bool ended_a_takeover();

}  // namespace mew::python
