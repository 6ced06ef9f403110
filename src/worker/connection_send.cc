// The outward half of worker/connection.h: sending, waiting for a reader, and how a connection
// ends.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/give_back.h"
#include "client/socket_end.h"
#include "log/log.h"
#include "worker/connection.h"

namespace mew::worker {

bool Connection::finish_file() {
    while (queue_.has_file()) {
        if (queue_.resume(socket_.get()) == SendQueue::Progress::broken) return false;
        if (queue_.has_file() && !await_reader()) return false;
    }
    return true;
}

bool Connection::send(std::string_view first, std::string_view second) {
    // Bytes of the queue go before its file: what comes behind the file has to wait for it.
    if (queue_.has_file() && !finish_file()) return false;
    auto progress = second.empty() ? queue_.send(socket_.get(), first)
                                   : queue_.send(socket_.get(), first, second);
    if (!stream_.core()->waits) {
        if (progress == SendQueue::Progress::blocked && goes_on_) watch_exchange();
        return progress != SendQueue::Progress::broken;
    }
    // A slow reader costs memory up to the bound, then the app's time, then its connection.
    while (progress == SendQueue::Progress::blocked &&
           queue_.size() > context_.settings.response_buffer) {
        if (!await_reader()) return false;
        progress = queue_.resume(socket_.get());
    }
    return progress != SendQueue::Progress::broken;
}

bool Connection::send_file(int fd, std::uint64_t offset, std::uint64_t size) {
    if (queue_.has_file() && !finish_file()) return false;
    if (!queue_.add_file(fd, offset, size)) return false;
    return queue_.resume(socket_.get()) != SendQueue::Progress::broken;
}

base::Result<http::Detached> Connection::detach(http::Detach how) {
    // Pipelined answers go first; there is nobody left to send what the socket did not take.
    if (!queue_.empty()) return base::fail("an earlier answer is still on its way to the client");
    given_away_ = how == http::Detach::for_good;
    if (given_away_) {
        unwatch();
        return http::Detached{socket_.release(), std::string(behind_)};
    }
    const int flags = ::fcntl(socket_.get(), F_GETFL);
    if (flags < 0 || ::fcntl(socket_.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) {
        return base::fail_errno("cannot make the client's socket blocking");
    }
    os::Fd given(::fcntl(socket_.get(), F_DUPFD_CLOEXEC, 3));
    if (!given) return base::fail_errno("cannot give the client's socket away");
    // The loop does not read from it while its exchange is open.
    return http::Detached{given.release(), std::string(behind_)};
}

void Connection::resume_sending() {
    const std::uint64_t before = queue_.sent();
    switch (queue_.resume(socket_.get())) {
        case SendQueue::Progress::broken:
            stats::add(context_.slot.aborted);
            return close();
        case SendQueue::Progress::blocked:
            if (queue_.sent() == before) return;
            if (slow_reader(context_.loop.now())) {
                stats::add(context_.slot.slow_clients);
                return give_up_sending("it read more slowly than http-min-rate allows");
            }
            return context_.deadlines.arm(*this, Limit::send);
        case SendQueue::Progress::done:
            break;
    }
    watch(EPOLLIN);
    if (state_ == State::gone) return;
    settle();
    // What a pipelining client had sent meanwhile lies here, not in the socket.
    if (state_ == State::draining || (state_ == State::idle && !held_.empty())) process(held_);
}

bool Connection::slow_reader(base::MonotonicTime now) const {
    return send_pace_.too_slow(now, queue_.sent(), context_.settings.min_rate,
                               context_.deadlines.duration(Limit::send));
}

// Where the end of the connection is the end of the answer, a close would make a broken one look
// complete. TCP has the reset for that. A UNIX socket has nothing: there the silence goes on until
// the peer gives up.
void Connection::end_by_reset() {
    if (!on_unix_socket_) {
        client::end_by_reset(socket_.get());
        return close();
    }
    state_ = State::lingering;
    dropped_ = 0;
    base::give_back(held_);
    context_.deadlines.disarm(*this);
    watch(EPOLLIN);
}

void Connection::end_connection() {
    if (reset_) return end_by_reset();
    if (client_ends_ && held_.empty() && !drain_body_ &&
        (codec_->nothing_follows() || client::nothing_in_flight(socket_.get(), on_unix_socket_)))
        return close();
    start_lingering();
}

// RFC 9112 9.6: closing with unread bytes makes the kernel reset the connection, and the client may
// never see the answer. So: close the sending side, read for a short, bounded time, then close.
void Connection::start_lingering() {
    state_ = State::lingering;
    dropped_ = 0;
    base::give_back(held_);
    ::shutdown(socket_.get(), SHUT_WR);
    context_.deadlines.arm(*this, Limit::linger);
    watch(EPOLLIN);
}

void Connection::drop_received() {
    const ssize_t size = ::recv(socket_.get(), context_.receive_buffer(), kReceiveBuffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return close();
    dropped_ += static_cast<std::uint64_t>(size);
    if (dropped_ > client::kDrainBound) close();
}

// On a core's thread. Durations of limits are set before the first connection and never change.
// What the socket did not take of the answer goes on while the body is waited for: a client may
// want it before it sends more.
Connection::Wait Connection::wait(short events, Limit limit) {
    const auto duration = context_.deadlines.duration(limit).count();
    if (!queue_.empty()) events |= POLLOUT;
    pollfd watched{socket_.get(), events, 0};
    const WaitHooks& hooks = stream_.core()->wait_hooks;
    if (hooks.before_wait) hooks.before_wait(hooks.context);
    const int count = ::poll(&watched, 1, duration > 0 ? static_cast<int>(duration) : -1);
    const int error = errno;
    if (hooks.after_wait) hooks.after_wait(hooks.context);
    if (count > 0 && (watched.revents & POLLOUT) != 0 &&
        queue_.resume(socket_.get()) == SendQueue::Progress::broken) {
        return Wait::broken;
    }
    if (count > 0) return Wait::ready;
    if (count < 0) return error == EINTR ? Wait::ready : Wait::broken;
    return Wait::timeout;
}

// The same for a reader: false if it is gone, or too slow.
bool Connection::await_reader() {
    base::SteadyClock clock;
    send_pace_.start(clock.now());
    const Wait outcome = wait(POLLOUT, Limit::send);
    const base::MonotonicTime now = clock.now();
    send_pace_.stop(now);
    const bool slow = slow_reader(now);
    if (outcome == Wait::timeout) ++stream_.counts().send_timeouts;
    if (outcome == Wait::ready && slow) ++stream_.counts().slow_clients;
    if (outcome == Wait::timeout || slow) {
        log::info("client-too-slow", "closed the connection of {}: it read {}",
                  peer_.address.empty() ? "a UNIX socket" : peer_.address,
                  slow ? "more slowly than http-min-rate allows"
                       : "nothing of its answer within http-send-timeout");
    }
    return outcome == Wait::ready && !slow;
}

}  // namespace mew::worker
