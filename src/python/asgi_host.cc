#include "python/asgi_host.h"

#include "python/asgi_http.h"
#include "python/asgi_objects.h"
#include "python/text.h"

namespace mew::python {
namespace {

// Calls whose memory is kept for the next ones.
constexpr std::size_t kMostSpare = 256;

}  // namespace

bool AsgiNames::prepare() {
    type = interned("type");
    status = interned("status");
    headers = interned("headers");
    body = interned("body");
    more_body = interned("more_body");
    trailers = interned("trailers");
    more_trailers = interned("more_trailers");
    links = interned("links");
    path = interned("path");
    text = interned("text");
    bytes = interned("bytes");
    code = interned("code");
    reason = interned("reason");
    subprotocol = interned("subprotocol");
    http_request = interned("http.request");
    http_disconnect = interned("http.disconnect");
    response_start = interned("http.response.start");
    response_body = interned("http.response.body");
    response_trailers = interned("http.response.trailers");
    early_hint = interned("http.response.early_hint");
    pathsend = interned("http.response.pathsend");
    ws_connect = interned("websocket.connect");
    ws_receive = interned("websocket.receive");
    ws_disconnect = interned("websocket.disconnect");
    ws_accept = interned("websocket.accept");
    ws_send = interned("websocket.send");
    ws_close = interned("websocket.close");
    ws_response_start = interned("websocket.http.response.start");
    ws_response_body = interned("websocket.http.response.body");
    send = interned("send");
    throw_name = interned("throw");
    empty_bytes = PyRef::steal(PyBytes_FromStringAndSize("", 0));
    return PyErr_Occurred() == nullptr;
}

AsgiHost::AsgiHost() = default;
AsgiHost::~AsgiHost() = default;

bool AsgiHost::prepare(PyObject* asyncio_loop, const std::vector<net::ListenerInfo>& listeners,
                       PyObject* disconnected_type) {
    disconnected = PyRef::borrow(disconnected_type);
    const PyRef asyncio = PyRef::steal(PyImport_ImportModule("asyncio"));
    if (!asyncio) return false;
    cancelled = PyRef::steal(PyObject_GetAttrString(asyncio.get(), "CancelledError"));
    call_type = make_call_type();
    awaitable_type = make_awaitable_type();
    if (!cancelled || !call_type || !awaitable_type) return false;
    done = make_done(*this);
    return done && names.prepare() && loop.prepare(asyncio_loop) && scopes.prepare(listeners);
}

HttpCall& AsgiHost::take_http_call() {
    if (spare_.empty()) return *new HttpCall(*this);
    HttpCall& call = *spare_.back().release();
    spare_.pop_back();
    return call;
}

void AsgiHost::give_back(HttpCall& call) {
    std::unique_ptr<HttpCall> owned(&call);
    if (spare_.size() >= kMostSpare) return;
    call.reset();
    spare_.push_back(std::move(owned));
}

void AsgiHost::cancel_if_open(std::uint64_t number) {
    for (AsgiCall* call = open.first(); call != nullptr; call = open.after(*call)) {
        if (call->number() == number) return call->cancel();
    }
}

}  // namespace mew::python
