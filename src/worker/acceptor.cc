#include "worker/acceptor.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

#include "log/log.h"
#include "worker/codecs.h"
#include "worker/connection.h"

namespace mew::worker {

namespace {
constexpr unsigned kAcceptsPerTurnInLine = 4;
constexpr base::Milliseconds kPause{200};
}  // namespace

Acceptor::Acceptor(Context& context, std::uint32_t listener)
    : context_(context), listener_(listener), fd_(context.settings.listeners[listener].fd) {}

Acceptor::~Acceptor() { stop(); }

base::Result<void> Acceptor::start() {
    if (watching_) return {};
    auto added = context_.loop.add(fd_, EPOLLIN | EPOLLEXCLUSIVE, *this);
    watching_ = added.has_value();
    return added;
}

void Acceptor::stop() {
    if (watching_) context_.loop.remove(fd_, *this);
    watching_ = false;
    context_.loop.cancel_timer(resume_timer_);
    resume_timer_ = 0;
}

// Out of descriptors or memory: the socket stays readable, and without a pause the loop would spin.
void Acceptor::pause(int error) {
    log::error("accept-failed", "cannot accept connections: {}; trying again in {} ms",
               std::generic_category().message(error), kPause.count());
    stop();
    resume_timer_ = context_.loop.start_timer(kPause, [this] {
        resume_timer_ = 0;
        (void)start();
    });
}

void Acceptor::on_event(std::uint32_t) {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    os::Fd socket(
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
        const bool out_of_something =
            errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (out_of_something) pause(errno);
        return;  // EAGAIN: another worker was faster; ECONNABORTED: the client was
    }
    stats::add(context_.slot.accepted);
    if (++accepts_ % kAcceptsPerTurnInLine == 0) {
        stop();
        (void)start();
    }
    auto* connection = new Connection(context_, std::move(socket), PeerText(from), listener_,
                                      make_codec(context_.settings, listener_));
    connection->open({});
}

}  // namespace mew::worker
