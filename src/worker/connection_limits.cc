// Refusals and time limits of worker/connection.h. Each limit has an option, a line in the log that
// names it, and a counter on the board.

#include <poll.h>

#include "client/own_answer.h"
#include "http/status.h"
#include "log/log.h"
#include "worker/connection.h"

namespace mew::worker {

void Connection::give_up_half_sent() {
    if (state_ != State::receiving) return;
    refuse_now(503, "the server stops, and the request was not whole in time");
}

void Connection::refuse_now(int status, std::string_view reason) {
    answer_refusal({status, reason});
}

// An answer of ours in place of the app's, after which the connection ends.
void Connection::answer_refusal(const http::Refusal& refusal) {
    refused_ = false;
    closing_ = true;
    stats::add(context_.slot.refused);
    if (http::is_too_large(refusal.status)) stats::add(context_.slot.too_large);
    context_.refusal_log.write(context_.loop.now(), peer_.address, refusal.status, refusal.reason);
    if (state_ == State::draining) return end_connection();  // its request was answered already
    if (stream_.open()) stream_.close();
    base::ListNode<RunnableTag>::unlink();

    client::append_own_answer(*codec_, 0, {refusal.status, true}, context_.out);
    // Never waits: this is the loop.
    const bool sent = queue_.send(socket_.get(), context_.out) != SendQueue::Progress::broken;
    context_.out.clear();
    return sent ? settle() : close();
}

client::BodyFault Connection::slow_body(base::MonotonicTime now) const {
    return body_limit_.fault(context_.settings, now, stream_.body_received(),
                             context_.deadlines.duration(Limit::body));
}

// On a core's thread: waits for the socket, and counts how long.
bool Connection::await_body_in_call() {
    base::SteadyClock clock;
    body_limit_.start(clock.now());
    const Wait outcome = wait(POLLIN, Limit::body);
    const base::MonotonicTime now = clock.now();
    body_limit_.stop(now);
    if (outcome == Wait::broken) {
        stream_.break_body(400, "the connection broke in the middle of the body");
        return false;
    }
    client::BodyFault fault = slow_body(now);
    if (fault == client::BodyFault::none) {
        if (outcome != Wait::timeout) return true;
        fault = client::BodyFault::silent;
    }
    const bool slow = fault == client::BodyFault::slow;
    (slow ? stream_.counts().slow_clients : stream_.counts().body_timeouts) += 1;
    stream_.break_body(408, client::text_of(fault));
    return false;
}

void Connection::on_limit(Limit limit) {
    if (goes_on_) return on_exchange_limit(limit);
    switch (limit) {
        case Limit::header:
            stats::add(context_.slot.head_timeouts);
            if (!received_any_ || proxy_header_due_) return close();
            stats::add(context_.slot.timeouts);
            return refuse_now(408, "the request head took longer than http-header-timeout");
        case Limit::body:
            if (state_ == State::draining) {
                stats::add(context_.slot.body_timeouts);
                return close();
            }
            return on_body_limit();
        case Limit::send:
            return give_up_sending("it read nothing of its answer within http-send-timeout");
        case Limit::keepalive:
            stats::add(context_.slot.keepalive_timeouts);
            return close();
        default:
            return close();
    }
}

void Connection::on_body_limit() {
    const client::BodyFault fault = slow_body(context_.loop.now());
    time_out(fault == client::BodyFault::none ? client::BodyFault::silent : fault);
}

void Connection::time_out(client::BodyFault fault) {
    const bool slow = fault == client::BodyFault::slow;
    stats::add(context_.slot.timeouts);
    stats::add(slow ? context_.slot.slow_clients : context_.slot.body_timeouts);
    refuse_now(408, client::text_of(fault));
}

void Connection::give_up_sending(std::string_view why) {
    stats::add(context_.slot.timeouts);
    stats::add(context_.slot.send_timeouts);
    log::info("client-too-slow", "closed the connection of {}: {}",
              peer_.address.empty() ? "a UNIX socket" : peer_.address, why);
    close();
}

}  // namespace mew::worker
