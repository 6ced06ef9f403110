#pragma once
// WebSockets for WSGI apps: libraries that speak the protocol by themselves (simple-websocket,
// gevent-websocket) find in environ the keys by which they ask a server for the client's
// connection. Only requests that ask for a WebSocket get them, and the connection leaves the
// server when it is first used (mewsgi/_upgrade.py). Called by the bridge, in workers.

#include <Python.h>

#include "http/exchange.h"
#include "python/ref.h"

namespace mew::python {

// RFC 6455 4.1, as far as it is HTTP: GET, HTTP/1.1, no body, Upgrade and Connection.
bool is_websocket_request(const http::Exchange& exchange);

// Puts the keys into environ, and lets uWSGI's calls find the request (mewsgi/_websocket.py).
// Returns what end_websocket() needs; null with an exception set.
PyRef offer_connection(PyObject* environ, PyObject* start_response);

// The app is done with the request: says goodbye to the client where uWSGI's calls were used. An
// exception that is set stays so.
void end_websocket(PyObject* offered);

// If the exception that is set says that an opening handshake failed by uWSGI's call, it becomes
// the client's answer by start_response, and is cleared; false: it stays.
bool answer_failed_handshake(PyObject* start_response);

// After a takeover: is the exception that is set one by which such libraries only say that there is
// nothing left to answer? It is cleared then.
bool ended_a_takeover();

}  // namespace mew::python
