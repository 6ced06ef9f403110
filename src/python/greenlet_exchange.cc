#include "python/greenlet_exchange.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>

#include "log/log.h"
#include "python/app_error.h"
#include "python/wsgi_bridge.h"

namespace mew::python {
namespace {

// What is handed on before it is asked whether the client takes it.
constexpr std::size_t kPiece = 262144;

base::Result<void> over() { return base::fail("the client is gone"); }

}  // namespace

bool GreenletCalls::find(PyObject* module) {
    spawn = PyRef::steal(PyObject_GetAttrString(module, "spawn"));
    wait = PyRef::steal(PyObject_GetAttrString(module, "wait"));
    wake = PyRef::steal(PyObject_GetAttrString(module, "wake"));
    pause = PyRef::steal(PyObject_GetAttrString(module, "pause"));
    return spawn && wait && wake && pause;
}

GreenletExchange::GreenletExchange(http::Exchange& outer, const GreenletCalls& calls)
    : outer_(outer), calls_(calls) {
    outer.events = this;
}

// A greenlet that was killed before it began.
GreenletExchange::~GreenletExchange() {
    if (ended_) return;
    outer_.response.fail(500);
    end();
}

void GreenletExchange::run(WsgiBridge& bridge) {
    inner_.emplace(http::Exchange{outer_.head, outer_.peer, outer_.body == nullptr ? nullptr : this,
                                  outer_.body_size, *this, outer_.core});
    (void)bridge.run(*inner_);
    outer_.app_failed = inner_->app_failed;
    let_others_out();
    end();
}

// Greenlets of the app's that wait in a call of this exchange: no call may outlive it.
void GreenletExchange::let_others_out() {
    over_ = true;
    while (waiting_ && PyList_GET_SIZE(waiting_.get()) > 0) {
        wake();
        const PyRef paused = PyRef::steal(PyObject_CallNoArgs(calls_.pause.get()));
        if (!paused) PyErr_Clear();  // whoever interrupts it, those others come first
    }
}

void GreenletExchange::end() {
    ended_ = true;
    outer_.events = nullptr;
    // However long the app keeps its descriptor: the connection ends with the request.
    if (taken_over_) ::shutdown(taken_over_.get(), SHUT_RDWR);
    outer_.owner->on_exchange_over();
}

void GreenletExchange::on_room() {
    has_room_ = true;
    wake();
}

void GreenletExchange::on_gone() {
    gone_ = true;
    wake();
}

// True: there may be news. False: a Python exception is set.
bool GreenletExchange::wait() {
    if (!waiting_) waiting_ = PyRef::steal(PyList_New(0));
    if (!waiting_) return false;
    const PyRef waited =
        PyRef::steal(PyObject_CallFunctionObjArgs(calls_.wait.get(), waiting_.get(), nullptr));
    return static_cast<bool>(waited);
}

void GreenletExchange::wake() {
    if (!waiting_ || PyList_GET_SIZE(waiting_.get()) == 0) return;
    const PyRef woken =
        PyRef::steal(PyObject_CallFunctionObjArgs(calls_.wake.get(), waiting_.get(), nullptr));
    if (!woken) log::error("greenlet-not-woken", "{}", take_traceback());
}

base::Result<std::string_view, http::BodyFailure> GreenletExchange::read() {
    while (!over_ && !outer_.body->ready()) {
        if (!wait())
            return base::Unexpected<http::BodyFailure>{{500, "waiting for it was interrupted"}};
    }
    if (over_) return base::Unexpected<http::BodyFailure>{{500, "its request is over"}};
    const auto piece = outer_.body->read();
    if (!piece || piece->empty()) return piece;
    // The source may lend what all exchanges share, until the next one reads.
    piece_.assign(*piece);
    return std::string_view(piece_);
}

base::Result<void> GreenletExchange::wait_for_room() {
    while (!over_ && outer_.response.congested()) {
        // What all exchanges share must be empty for others.
        if (auto flushed = outer_.response.flush(); !flushed) return flushed;
        if (!wait()) return base::fail("waiting for the client was interrupted");
    }
    return over_ ? over() : base::Result<void>{};
}

base::Result<void> GreenletExchange::start(http::ResponseHead& head) {
    return over_ ? over() : outer_.response.start(head);
}

base::Result<void> GreenletExchange::write(std::string_view bytes) {
    while (!bytes.empty()) {
        if (over_) return over();
        const std::string_view piece = bytes.substr(0, kPiece);
        if (auto written = outer_.response.write(piece); !written) return written;
        if (auto room = wait_for_room(); !room) return room;
        bytes.remove_prefix(piece.size());
    }
    return {};
}

base::Result<void> GreenletExchange::flush() {
    if (over_) return over();
    if (auto flushed = outer_.response.flush(); !flushed) return flushed;
    return wait_for_room();
}

base::Result<void> GreenletExchange::send_file(int fd, std::uint64_t offset, std::uint64_t size) {
    while (size != 0) {
        if (over_) return over();
        const std::uint64_t piece = std::min<std::uint64_t>(size, kPiece);
        if (auto sent = outer_.response.send_file(fd, offset, piece); !sent) return sent;
        if (auto flushed = flush(); !flushed) return flushed;
        offset += piece;
        size -= piece;
    }
    return {};
}

// Greenlets of the app's that wait for the body hear of the end now: the request's own waits for
// theirs before it ends.
bool GreenletExchange::finish() {
    const bool complete = outer_.response.finish();
    over_ = true;
    wake();
    return complete;
}

void GreenletExchange::fail(int status) {
    outer_.response.fail(status);
    over_ = true;
    wake();
}

base::Result<http::Detached> GreenletExchange::detach(http::Detach how) {
    // Asked for once; whether it came is told as room.
    bool came = outer_.response.begin_detach();
    has_room_ = false;
    while (!over_ && !came) {
        came = has_room_ || gone_;
        if (!came && !wait()) return base::fail("waiting for the connection was interrupted");
    }
    if (over_) return base::fail("its request is over");
    auto taken = outer_.response.detach(how);
    if (taken) taken_over_.reset(::fcntl(taken->fd, F_DUPFD_CLOEXEC, 3));
    return taken;
}

}  // namespace mew::python
