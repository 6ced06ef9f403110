// The part of worker/connection.h for an exchange that goes on after the app's first turn: nothing
// waits here. What comes of the body, what the socket takes and that the client left are news for
// the exchange, told in the loop.

#include <sys/socket.h>

#include <cerrno>

#include "client/input.h"
#include "log/log.h"
#include "worker/connection.h"

namespace mew::worker {

void Connection::watch_exchange() {
    if (state_ == State::gone || stream_.client_gone()) return;
    std::uint32_t events = exchange_->ends_with_input ? EPOLLRDHUP : EPOLLHUP;  // the latter: none
    if (wants_body_) events |= EPOLLIN;
    if (!queue_.empty()) {
        events |= EPOLLOUT;
        if (limit() == Limit::none) {
            send_pace_.start(context_.loop.now());
            context_.deadlines.arm(*this, Limit::send);
            context_.ask_for_turn();  // which asks when the next limit is due
        }
    }
    watch(events);
}

void Connection::on_exchange_event(std::uint32_t events) {
    if ((events & EPOLLERR) != 0) return lose_client();
    if ((events & EPOLLOUT) != 0 && !send_more()) return lose_client();
    if (!goes_on_) return;
    if (wants_body_ && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) != 0)
        return receive_more_body();
    if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) lose_client();
}

bool Connection::send_more() {
    const std::uint64_t before = queue_.sent();
    const auto progress = queue_.resume(socket_.get());
    if (progress == SendQueue::Progress::broken) return false;
    if (limit() == Limit::send && queue_.sent() != before) {
        if (queue_.empty()) {
            context_.deadlines.disarm(*this);
            send_pace_.restart();
        } else if (slow_reader(context_.loop.now())) {
            ++stream_.counts().slow_clients;
            return false;
        } else {
            context_.deadlines.arm(*this, Limit::send);
        }
    }
    watch_exchange();
    if (wants_room_ && queue_.size() <= kLittleUnsent) {
        wants_room_ = false;
        if (exchange_->events != nullptr) exchange_->events->on_room();
    }
    return true;
}

bool Connection::congested() {
    wants_room_ = queue_.size() > kMuchUnsent;
    return wants_room_;
}

void Connection::want_body() {
    if (wants_body_) return;
    wants_body_ = true;
    const base::MonotonicTime now = context_.loop.now();
    body_limit_.start(now);
    context_.deadlines.arm_rest(*this, Limit::body,
                                body_limit_.left(context_.settings, now, stream_.body_received(),
                                                 context_.deadlines.duration(Limit::body)));
    context_.ask_for_turn();
    if (goes_on_) watch_exchange();
}

void Connection::receive_more_body() {
    const ssize_t size = client::receive(socket_.get(), context_.receive_buffer(), kReceiveBuffer);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size == 0 && !exchange_->ends_with_input) {  // it may still read what the app says to that
        stream_.lose_body("the client left in the middle of the body");
        return tell_body();
    }
    if (size <= 0) return lose_client();
    decode_body({context_.receive_buffer(), static_cast<std::size_t>(size)});
    const base::MonotonicTime now = context_.loop.now();
    const client::BodyFault fault = slow_body(now);
    if (fault != client::BodyFault::none && !stream_.body_complete()) {
        ++stream_.counts().slow_clients;
        stream_.break_body(408, client::text_of(fault));
    }
    if (stream_.readable()) tell_body();
}

void Connection::tell_body() {
    wants_body_ = false;
    body_limit_.stop(context_.loop.now());
    if (limit() == Limit::body) context_.deadlines.disarm(*this);
    watch_exchange();
    if (exchange_->events != nullptr) exchange_->events->on_body();
}

void Connection::lose_client() {
    if (stream_.client_gone()) return unwatch();
    context_.deadlines.disarm(*this);
    unwatch();
    wants_body_ = false;
    stream_.lose_client();
    if (exchange_->events != nullptr) exchange_->events->on_gone();
}

void Connection::on_exchange_limit(Limit limit) {
    if (limit == Limit::body) {
        client::BodyFault fault = slow_body(context_.loop.now());
        if (fault == client::BodyFault::none) fault = client::BodyFault::silent;
        ++stream_.counts().body_timeouts;
        stream_.break_body(408, client::text_of(fault));
        return tell_body();
    }
    if (limit != Limit::send) return;
    ++stream_.counts().send_timeouts;
    log::info("client-too-slow",
              "closed the connection of {}: it read nothing of its answer within "
              "http-send-timeout",
              peer_.address.empty() ? "a UNIX socket" : peer_.address);
    lose_client();
}

// It is over: from here on the connection is as after any other exchange.
void Connection::stop_going_on() {
    goes_on_ = wants_body_ = wants_room_ = false;
    body_limit_.stop(context_.loop.now());
    context_.deadlines.disarm(*this);
    if (queue_.empty()) send_pace_.restart();
}

}  // namespace mew::worker
