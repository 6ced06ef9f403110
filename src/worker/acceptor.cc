#include "worker/acceptor.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <system_error>

#include "client/codecs.h"
#include "log/log.h"
#include "worker/accept_token.h"
#include "worker/connection.h"
#include "worker/handover.h"

namespace mew::worker {

namespace {
constexpr unsigned kAcceptsPerTurnInLine = 2;
// A worker alone need not leave anything to others: it accepts on while there is more. Whether it
// is worth the call that finds nothing, it tries every so many wake-ups.
constexpr int kMostAtOnce = 32;
constexpr unsigned kTryForMore = 16;
constexpr base::Milliseconds kPause{200};
// Idle connections that make room for new ones when descriptors run out.
constexpr int kClosedForRoom = 16;
}  // namespace

Acceptor::Acceptor(Context& context, std::uint32_t listener, int fd, bool own, AcceptToken* token)
    : context_(context), listener_(listener), fd_(fd), own_(own), token_(token) {}

Acceptor::~Acceptor() { stop(); }

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

void Acceptor::give_way() {
    if (!watching_) return;
    stop();
    pollfd waiting{fd_, POLLIN, 0};
    if (::poll(&waiting, 1, 0) == 1) kick_later(context_);
}

void Acceptor::look_again() {
    if (!watching_) return;
    stop();
    (void)start();
}

// Out of descriptors: the clients that have been idle for longest are the first to go.
bool Acceptor::make_room() {
    bool closed = false;
    for (int i = 0; i < kClosedForRoom; ++i) {
        Timed* const idle = context_.deadlines.first(Limit::keepalive);
        if (idle == nullptr) break;
        idle->on_limit(Limit::keepalive);
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
    // Others may have a free core; this worker comes back to it when one of its own is.
    if (context_.superseded() || (context_.busy() && !own_)) {
        if (token_ != nullptr) return token_->stop();  // the next holder sees what is there
        return give_way();
    }
    const bool alone = context_.settings.processes == 1 && token_ == nullptr;
    if (!accept_one() || !alone || (!more_ && ++wakeups_ % kTryForMore != 0)) return;
    int accepted = 1;
    while (watching_ && accepted < kMostAtOnce && !context_.busy() && !context_.superseded() &&
           accept_one())
        ++accepted;
    more_ = accepted > 1;
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
        return false;  // EAGAIN: another worker was faster; ECONNABORTED: the client was
    }
    if (token_ != nullptr) {
        token_->pass_on();
    } else if (!own_ && context_.settings.processes > 1 &&
               ++accepts_ % kAcceptsPerTurnInLine == 0) {
        stop();
        (void)start();
    }
    admit(std::move(socket), from);
    return true;
}

void Acceptor::admit(os::Fd socket, const sockaddr_storage& from) {
    if (context_.superseded()) {
        // The next generation was committed between the look and the accept: it is theirs.
        stats::add(context_.slot.accepted_late);
        if (hand_over(context_, socket.get(), listener_)) return;
    }
    stats::add(context_.slot.accepted);
    if (context_.busy() && context_.has_takers() && hand_over(context_, socket.get(), listener_))
        return;
    auto* connection = new Connection(context_, std::move(socket), PeerText(from), listener_,
                                      client::make_codec(context_.settings, listener_));
    connection->expect_proxy_header();
    connection->open({});
}

}  // namespace mew::worker
