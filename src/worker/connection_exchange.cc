// The app's turn of worker/connection.h: from a whole request to an answer that is sent or queued.
// run_app() runs on the thread of a core, everything else with the loop.

#include <sys/socket.h>

#include "client/input.h"
#include "worker/connection.h"

namespace mew::worker {

Connection::Step Connection::run_exchange(std::string_view& bytes) {
    // With a pool, or where it goes on, the call outlives this one, and an app that reads its body
    // on reads into the buffers: then nothing may point into them.
    const bool keeps_bytes =
        context_.core_count > 1 || context_.goes_on || !stream_.body_complete();
    if (keeps_bytes) {
        stream_.own_head();
        client::keep(held_, bytes);
    }
    behind_ = keeps_bytes ? std::string_view(held_) : bytes;
    take_core();
    if (!context_.cores->run(*this)) {
        if (goes_on_) watch_exchange();
        return Step::handed_on;
    }
    finish_exchange();
    if (keeps_bytes) bytes = held_;
    return state_ == State::idle ? Step::again : Step::wait;
}

void Connection::take_core() {
    state_ = State::answering;
    body_limit_.stop(context_.loop.now());
    context_.deadlines.disarm(*this);
    begin(context_);
}

http::Ran Connection::run_app(Core& core) {
    stream_.set_core(&core);
    http::Exchange& exchange =
        exchange_.emplace(stream_.head(), peer_, stream_.body(), stream_.body_size(), stream_,
                          core.number, false, this, nullptr);
    const http::Ran ran = core.bridge.run(exchange);
    // On a pool's thread it never does, and the loop may be looking.
    if (!core.waits) goes_on_ = ran == http::Ran::goes_on;
    return ran;
}

void Connection::on_core_done() {
    if (goes_on_) stop_going_on();
    finish_exchange();
    if (state_ == State::idle || state_ == State::draining) process(held_);
}

void Connection::finish_exchange() {
    stream_.counts().app_failed = exchange_->app_failed;
    exchange_.reset();
    refused_ = false;  // a malformed body was told to the app, and ends the connection
    count_limits();
    Outcome outcome{stream_.head(), peer_.address};
    outcome.status = stream_.status();
    outcome.head_bytes = stream_.head_bytes();
    outcome.body_bytes = stream_.body_sent();
    outcome.headers = stream_.header_count();
    outcome.core = stream_.core();
    outcome.app_failed = stream_.counts().app_failed;
    outcome.aborted = (stream_.client_gone() && !stream_.detached()) || stream_.counts().body_lost;
    end(context_, outcome);
    settle();
}

void Connection::count_limits() {
    stats::Slot& slot = context_.slot;
    const Stream::Counts& counts = stream_.counts();
    if (counts.received != 0) stats::add(slot.rx_bytes, counts.received);
    if (const auto cut = counts.body_timeouts + counts.slow_clients + counts.send_timeouts) {
        stats::add(slot.timeouts, cut);
        stats::add(slot.body_timeouts, counts.body_timeouts);
        stats::add(slot.slow_clients, counts.slow_clients);
        stats::add(slot.send_timeouts, counts.send_timeouts);
    }
}

// Where to go after an answer, or after what was queued of it is sent.
void Connection::settle() {
    const bool gone = stream_.open() && stream_.client_gone();
    closing_ = closing_ || !stream_.keeps_connection();
    reset_ = reset_ || stream_.broke_by_close();
    const bool body_left = stream_.open() && !stream_.body_complete();
    if (stream_.open()) client_ends_ = !stream_.head().keep_alive && !body_left;
    // However long the app keeps its descriptor: the connection ends with the request.
    if (stream_.open() && stream_.detached() && !given_away_) ::shutdown(socket_.get(), SHUT_RDWR);
    if (stream_.open()) stream_.close();
    if (gone) return close();
    if (!queue_.empty()) {
        // Whether body is left is asked again once the queue is empty: the codec knows.
        drain_body_ = body_left;
        state_ = State::sending;
        send_pace_.start(context_.loop.now());
        context_.deadlines.arm(*this, Limit::send);
        return watch(EPOLLOUT);
    }
    send_pace_.restart();
    if (closing_) return end_connection();
    if (body_left || drain_body_) {
        drain_body_ = false;
        dropped_ = 0;
        state_ = State::draining;
        context_.deadlines.arm(*this, Limit::body);
        return watch(EPOLLIN);
    }
    become_idle();
}

void Connection::become_idle() {
    state_ = State::idle;
    context_.deadlines.arm(*this, Limit::keepalive);
    watch(EPOLLIN);
}

}  // namespace mew::worker
