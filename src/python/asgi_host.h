#pragma once
// What all calls of ASGI apps in one worker share: the loop, scopes, names, types, and who is open.

#include <Python.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "python/asgi_scope.h"
#include "python/asyncio_loop.h"
#include "python/ref.h"

namespace mew::python {

class AsgiCall;
class HttpCall;
struct OpenCallTag;

// Keys and types of messages, interned: apps mostly use the same objects.
struct AsgiNames {
    bool prepare();

    PyRef type, status, headers, body, more_body, trailers, more_trailers, links, path;
    PyRef text, bytes, code, reason, subprotocol;
    PyRef http_request, http_disconnect, response_start, response_body, response_trailers,
        early_hint, pathsend;
    PyRef ws_connect, ws_receive, ws_disconnect, ws_accept, ws_send, ws_close, ws_response_start,
        ws_response_body;
    PyRef send, throw_name, empty_bytes;
};

class AsgiHost {
public:
    AsgiHost();
    ~AsgiHost();
    // `loop` is an asyncio loop, `disconnected` the exception of a send() to a client that left.
    // False with an exception set.
    bool prepare(PyObject* loop, const std::vector<net::ListenerInfo>& listeners,
                 PyObject* disconnected);

    AsyncioLoop loop;
    AsgiScopes scopes;
    AsgiNames names;
    PyRef call_type;       // of the coroutine that a task of ours runs
    PyRef awaitable_type;  // of what receive() and send() give
    PyRef done;            // the awaitable of what is done already
    PyRef disconnected;
    PyRef cancelled;  // asyncio.CancelledError
    // Those whose app runs.
    base::IntrusiveList<AsgiCall, OpenCallTag> open;
    // Told when one is open no more.
    std::function<void()> on_closed;
    // Told when a client left whose app still runs.
    std::function<void(AsgiCall&)> on_client_gone;
    std::uint64_t next_number() { return ++last_number_; }
    void cancel_if_open(std::uint64_t number);

    HttpCall& take_http_call();
    void give_back(HttpCall& call);

private:
    std::uint64_t last_number_ = 0;
    std::vector<std::unique_ptr<HttpCall>> spare_;
};

}  // namespace mew::python
