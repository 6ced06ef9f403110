#include "front/acceptor.h"

#include <cerrno>
#include <system_error>

#include "client/codecs.h"
#include "front/connection.h"
#include "log/log.h"

namespace mew::front {

namespace {
constexpr int kMostAtOnce = 16;
constexpr base::Milliseconds kPause{200};
// Idle connections that make room for new ones when descriptors run out.
constexpr int kClosedForRoom = 16;
}  // namespace

base::Result<void> Acceptor::start() {
    if (watching_ || resume_timer_ != 0) return {};
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

bool Acceptor::make_room() {
    bool closed = false;
    for (int i = 0; i < kClosedForRoom; ++i) {
        client::Timed* const idle = context_.deadlines.first(client::Limit::keepalive);
        if (idle == nullptr) break;
        idle->on_limit(client::Limit::keepalive);
        closed = true;
    }
    return closed;
}

// The socket stays readable, and without a pause the loop would spin.
void Acceptor::pause(int error) {
    const bool room = make_room();
    log::error("accept-failed", "cannot accept connections: {}; {}",
               std::generic_category().message(error),
               room ? "closed the longest idle ones (raise the limit of open files, ulimit -n)"
                    : "trying again in 200 ms (raise the limit of open files, ulimit -n)");
    if (room) return;
    stop();
    resume_timer_ = context_.loop.start_timer(kPause, [this] {
        resume_timer_ = 0;
        (void)start();
    });
}

void Acceptor::on_event(std::uint32_t) {
    for (int i = 0; i < kMostAtOnce && watching_ && accept_one(); ++i) {
    }
}

// False: there was none.
bool Acceptor::accept_one() {
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    os::Fd socket(
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) {
        const bool out_of_something =
            errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
        if (out_of_something) pause(errno);
        return false;
    }
    stats::add(context_.slot.accepted);
    auto* connection =
        new Connection(context_, std::move(socket), client::PeerText(from), listener_,
                       client::make_codec(context_.settings.client, listener_));
    connection->open();
    return true;
}

}  // namespace mew::front
