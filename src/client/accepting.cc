#include "client/accepting.h"

#include <cerrno>
#include <system_error>

#include "log/log.h"

namespace mew::client {

namespace {
constexpr base::Milliseconds kPause{200};
// Idle connections that make room for new ones when descriptors run out.
constexpr int kClosedForRoom = 16;
}  // namespace

base::Result<void> Accepting::start() {
    if (watching_ || resume_timer_ != 0) return {};
    auto added = loop_.add(fd_, EPOLLIN | EPOLLEXCLUSIVE, *this);
    watching_ = added.has_value();
    return added;
}

void Accepting::stop() {
    if (watching_) loop_.remove(fd_, *this);
    watching_ = false;
    loop_.cancel_timer(resume_timer_);
    resume_timer_ = 0;
}

os::Fd Accepting::accept(sockaddr_storage& from) {
    socklen_t size = sizeof from;
    os::Fd socket(
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (socket) return socket;
    // EAGAIN: another process was faster; ECONNABORTED: the client was.
    const bool out_of_something =
        errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (out_of_something) pause(errno);
    return socket;
}

// The clients that have been idle for longest are the first to go.
bool Accepting::make_room() {
    bool closed = false;
    for (int i = 0; i < kClosedForRoom; ++i) {
        Timed* const idle = deadlines_.first(Limit::keepalive);
        if (idle == nullptr) break;
        idle->on_limit(Limit::keepalive);
        closed = true;
    }
    return closed;
}

// The socket stays readable, and without a pause the loop would spin.
void Accepting::pause(int error) {
    const bool room = make_room();
    log::error("accept-failed", "cannot accept connections: {}; {}",
               std::generic_category().message(error),
               room ? "closed the longest idle ones (raise the limit of open files, ulimit -n)"
                    : "trying again in 200 ms (raise the limit of open files, ulimit -n)");
    if (room) return;
    stop();
    resume_timer_ = loop_.start_timer(kPause, [this] {
        resume_timer_ = 0;
        (void)start();
    });
}

}  // namespace mew::client
