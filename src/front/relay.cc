#include "front/relay.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/give_back.h"
#include "client/input.h"
#include "front/exchange.h"

namespace mew::front {

namespace {

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

base::Result<os::Fd> Relay::open() {
    int ends[2] = {-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0)
        return base::fail_errno("cannot make a pair of sockets");
    socket_.reset(ends[0]);
    os::Fd worker(ends[1]);
    if (auto added = context_.loop.add(socket_.get(), EPOLLIN, *this); !added) {
        socket_.reset();
        return std::move(added).failure();
    }
    interest_ = EPOLLIN;
    flush();
    return worker;
}

void Relay::close() {
    if (!socket_) return;
    (void)set_interest(0);
    socket_.reset();
    base::give_back(waiting_);
}

// --- towards the worker

void Relay::take(std::string_view bytes) {
    if (input_shut_) {
        passed_on_ += bytes.size();  // nobody reads it any more
        return;
    }
    if (socket_ && waiting_.empty()) {
        send(bytes);
    } else {
        waiting_.append(bytes);
    }
    if (socket_) watch();
}

void Relay::end_input() {
    client_ended_ = true;
    if (socket_) flush();
}

// At once as far as the socket takes it; the rest waits.
void Relay::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && would_block(errno)) break;
        if (sent < 0) {
            input_shut_ = true;
            passed_on_ += bytes.size();
            return client::keep(waiting_, {});
        }
        bytes.remove_prefix(static_cast<std::size_t>(sent));
        passed_on_ += static_cast<std::uint64_t>(sent);
    }
    client::keep(waiting_, bytes);
}

void Relay::flush() {
    if (!waiting_.empty()) send(waiting_);
    if (client_ended_ && waiting_.empty() && !std::exchange(input_shut_, true))
        ::shutdown(socket_.get(), SHUT_WR);
    if (is_over()) return exchange_.on_worker_end(true);
    watch();
}

// --- from the worker

void Relay::on_event(std::uint32_t events) {
    worker_gone_ = worker_gone_ || (events & (EPOLLHUP | EPOLLERR)) != 0;
    if ((events & EPOLLOUT) != 0 || worker_gone_) {
        const bool was_full = full();
        flush();
        if (was_full && !full() && socket_) exchange_.on_relay_room();
    }
    if (socket_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
}

void Relay::resume() {
    if (socket_ && paused_) receive();
}

void Relay::hang_up() {
    worker_gone_ = true;
    if (!socket_) return exchange_.on_worker_end(true);
    // The worker cannot send from here on; what it has sent stays to be read.
    ::shutdown(socket_.get(), SHUT_RD);
    receive();
}

// Once a turn of the loop: there are others.
void Relay::receive() {
    const std::size_t room = worker_ended_ ? 0 : exchange_.relay_room();
    paused_ = !worker_ended_ && room == 0;
    if (room == 0) return is_over() ? exchange_.on_worker_end(true) : watch();
    std::array<char, kReceiveBuffer> bytes;
    const ssize_t size = client::receive(socket_.get(), bytes.data(), std::min(room, bytes.size()));
    if (size > 0) {
        exchange_.on_worker_bytes({bytes.data(), static_cast<std::size_t>(size)});
    } else if (size == 0 || !would_block(errno)) {
        // An error is that of a worker that closed its end with bytes unread.
        worker_ended_ = true;
        pollfd state{socket_.get(), 0, 0};
        worker_gone_ = size < 0 || worker_gone_ ||
                       (::poll(&state, 1, 0) > 0 && (state.revents & POLLHUP) != 0);
        exchange_.on_worker_end(is_over());
    }
    if (socket_) watch();
}

bool Relay::is_over() const { return worker_ended_ && (worker_gone_ || input_shut_); }

void Relay::watch() {
    std::uint32_t events = 0;
    paused_ = !worker_ended_ && exchange_.relay_room() == 0;
    if (!worker_ended_ && !paused_) events |= EPOLLIN;
    if (!waiting_.empty() && !worker_gone_) events |= EPOLLOUT;
    // Nothing to hear of but the end, and that once.
    if (events == 0 && !worker_gone_) events = EPOLLET;
    if (!set_interest(events)) exchange_.on_worker_end(true);
}

bool Relay::set_interest(std::uint32_t events) {
    if (interest_ == events) return true;
    const std::uint32_t before = std::exchange(interest_, events);
    if (events == 0) {
        context_.loop.remove(socket_.get(), *this);
        return true;
    }
    const auto done = before == 0 ? context_.loop.add(socket_.get(), events, *this)
                                  : context_.loop.modify(socket_.get(), events, *this);
    return done.has_value();
}

}  // namespace mew::front
