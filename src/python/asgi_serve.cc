#include "python/asgi_serve.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "client/settings.h"
#include "log/log.h"
#include "python/asgi_bridge.h"
#include "python/asgi_host.h"
#include "python/asgi_http.h"
#include "python/core_threads.h"
#include "python/retirement.h"
#include "python/role.h"
#include "python/serve_parts.h"

namespace mew::python {
namespace {

using base::Milliseconds;

// Answers that have no end of their own end so long before the master's patience does, or at three
// quarters of it.
constexpr Milliseconds kBeforeMercy{5000};
// From there to the end of their tasks.
constexpr Milliseconds kAfterDisconnect{1000};

class AsgiServer {
public:
    AsgiServer(Role& own, bool has_wsgi)
        : own_(own),
          options_(own.boot.loaded.options),
          settings_(client::settings_from(options_, own.boot.listeners)),
          has_wsgi_(has_wsgi),
          bridge_(host_, websockets_) {
        websockets_.message_bytes = std::size_t{options_.websocket_max_size} * 1024;
        websockets_.deflate = options_.websocket_deflate;
    }

    bool open(PyObject* loop, PyObject* application, PyObject* mounts, PyObject* kinds,
              PyObject* disconnected);
    void close();

private:
    void turn();
    void stop_if_over();
    void on_retire();
    void end_streams();

    Role& own_;
    const options::Options& options_;
    client::Settings settings_;
    bool has_wsgi_;
    AsgiHost host_;
    WebSocketSettings websockets_;
    AsgiBridge bridge_;
    Bridges pool_bridges_;
    std::optional<CoreThreads> threads_;
    std::unique_ptr<worker::Worker> worker_;
    bool retired_ = false;
};

bool AsgiServer::open(PyObject* loop, PyObject* application, PyObject* mounts, PyObject* kinds,
                      PyObject* disconnected) {
    const bool prepared =
        host_.prepare(loop, own_.boot.listeners, disconnected) &&
        bridge_.prepare(application, mounts, kinds, own_.boot.listeners,
                        options_.manage_script_name) &&
        (!has_wsgi_ || pool_bridges_.prepare(application, mounts, options_, own_));
    if (!prepared) return false;
    worker::Worker::Running running{{&bridge_}, static_cast<int>(options_.asgi_concurrency)};
    for (http::AppBridge* bridge : pool_bridges_.list()) running.bridges.push_back(bridge);
    stats::Slot& slot = own_.board.slot(own_.slot, own_.lane());
    worker_ = std::make_unique<worker::Worker>(settings_, options_, slot, std::move(running),
                                               wiring_of(own_));
    websockets_.context = &worker_->context();
    worker_->context().turn_due = {
        [](void* self) { static_cast<AsgiServer*>(self)->host_.loop.ask_for_turn(); }, this};
    worker_->on_retire([this] { on_retire(); });
    host_.loop.set_turn([this] { turn(); });
    host_.on_closed = [this] {
        if (retired_) stop_if_over();
    };
    if (options_.asgi_cancel_after.count() > 0) {
        host_.on_client_gone = [this](AsgiCall& call) {
            worker_->start_timer(options_.asgi_cancel_after,
                                 [this, number = call.number()] { host_.cancel_if_open(number); });
        };
    }
    worker::LanguageHooks hooks;
    if (has_wsgi_) hooks.threads = threads_.emplace(own_.slot, options_.threads).hooks();
    if (const auto opened = worker_->open(hooks); !opened) return raise(opened.error()) != nullptr;
    if (!host_.loop.watch(worker_->descriptor())) return false;
    worker_->begin();
    host_.loop.ask_for_turn();
    return true;
}

void AsgiServer::turn() {
    if (retired_) return;
    if (worker_->turn()) return host_.loop.wake_in(worker_->next_due());
    retired_ = true;
    stop_if_over();
}

// Apps may go on behind their answers.
void AsgiServer::stop_if_over() {
    if (host_.open.empty()) host_.loop.stop();
}

// --- retiring

// WebSockets are told at once: their clients come again, to the new generation.
void AsgiServer::on_retire() {
    const bool stops = worker_->context().is(worker::Phase::stopping);
    announce_retirement(stops);
    auto& websockets = worker_->context().websockets;
    worker::WebSocket* next = websockets.first();
    while (next != nullptr) {
        worker::WebSocket& websocket = *next;
        next = websockets.after(websocket);
        websocket.close(
            stops ? websocket::close_code::kGoingAway : websocket::close_code::kServiceRestart,
            stops ? "the server stops" : "the server restarts");
    }
    const Milliseconds mercy = stops ? options_.stop_mercy : options_.worker_reload_mercy;
    const Milliseconds left = std::max(mercy - kBeforeMercy, mercy * 3 / 4);
    worker_->start_timer(left, [this] { end_streams(); });
}

void AsgiServer::end_streams() {
    AsgiCall* next = host_.open.first();
    while (next != nullptr) {
        AsgiCall& call = *next;
        next = host_.open.after(call);
        call.run_out_of_time();
    }
    worker_->start_timer(kAfterDisconnect, [this] {
        for (AsgiCall* call = host_.open.first(); call != nullptr; call = host_.open.after(*call))
            call->cancel();
    });
}

void AsgiServer::close() {
    host_.loop.unwatch();
    Py_BEGIN_ALLOW_THREADS worker_->end();
    Py_END_ALLOW_THREADS
}

// One in a process, and never destroyed: tasks that never end may refer to it.
AsgiServer* server = nullptr;

}  // namespace

PyObject* asgi_open(PyObject*, PyObject* arguments) {
    PyObject *loop = nullptr, *application = nullptr, *mounts = nullptr, *kinds = nullptr,
             *disconnected = nullptr;
    int has_wsgi = 0;
    if (!PyArg_ParseTuple(arguments, "OOO!O!pO", &loop, &application, &PyList_Type, &mounts,
                          &PyList_Type, &kinds, &has_wsgi, &disconnected))
        return nullptr;
    server = new AsgiServer(role(), has_wsgi != 0);
    if (!server->open(loop, application == Py_None ? nullptr : application, mounts, kinds,
                      disconnected))
        return nullptr;
    Py_RETURN_NONE;
}

PyObject* asgi_close(PyObject*, PyObject*) {
    if (server != nullptr) server->close();
    return PyLong_FromLong(0);
}

}  // namespace mew::python
