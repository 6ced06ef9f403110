// The app's turn of worker/connection.h: from a whole request to an answer that is sent or queued.
// run_app() runs on the thread of a core, everything else with the loop.

#include <sys/socket.h>

#include <algorithm>
#include <ctime>

#include "log/access.h"
#include "log/log.h"
#include "worker/connection.h"

namespace mew::worker {

namespace {

std::string_view version_text(http::Version version) {
    constexpr std::string_view kTexts[] = {"HTTP/1.0", "HTTP/1.1", "HTTP/2.0", "HTTP/3.0"};
    return kTexts[static_cast<std::size_t>(version)];
}

std::uint64_t microseconds(base::MonotonicTime::duration time) {
    return static_cast<std::uint64_t>(time / std::chrono::microseconds(1));
}

}  // namespace

Connection::Step Connection::run_exchange(std::string_view& bytes) {
    // With a pool the call outlives this one, and an app that reads its body on reads into the
    // buffers: then nothing may point into them.
    const bool keeps_bytes = context_.core_count > 1 || !stream_.body_complete();
    if (keeps_bytes) {
        stream_.own_head();
        keep(bytes);
    }
    behind_ = keeps_bytes ? std::string_view(held_) : bytes;
    take_core();
    if (!context_.cores->run(*this)) return Step::handed_on;
    finish_exchange();
    if (keeps_bytes) bytes = held_;
    return state_ == State::idle ? Step::again : Step::wait;
}

void Connection::take_core() {
    stats::Slot& slot = context_.slot;
    state_ = State::answering;
    started_ = context_.loop.now();
    body_pace_.stop(started_);
    context_.deadlines.disarm(*this);
    context_.running.push_back(*this);
    if (context_.busy_cores++ != 0) return;
    slot.request_started_us.store(microseconds(started_.time_since_epoch()),
                                  std::memory_order_relaxed);
    slot.state.store(stats::WorkerState::busy, std::memory_order_relaxed);
}

void Connection::run_app(Core& core) {
    stream_.set_core(&core);
    http::Exchange exchange{stream_.head(), peer_,       stream_.body(), stream_.body_size(),
                            stream_,        core.number, false};
    core.bridge.run(exchange);
    stream_.counts().app_failed = exchange.app_failed;
}

void Connection::on_core_done() {
    finish_exchange();
    if (state_ == State::idle || state_ == State::draining) process(held_);
}

void Connection::finish_exchange() {
    base::ListNode<RunningTag>::unlink();
    refused_ = false;  // a malformed body was told to the app, and ends the connection
    count_exchange();
    stats::Slot& slot = context_.slot;
    if (--context_.busy_cores == 0) {
        slot.state.store(context_.resting_state(), std::memory_order_relaxed);
        slot.request_started_us.store(0, std::memory_order_relaxed);
    } else {
        const base::MonotonicTime longest = context_.running.front().started_;
        slot.request_started_us.store(microseconds(longest.time_since_epoch()),
                                      std::memory_order_relaxed);
    }
    settle();
}

void Connection::count_exchange() {
    stats::Slot& slot = context_.slot;
    const std::uint64_t micros = microseconds(context_.loop.refresh_now() - started_);
    const Stream::Counts& counts = stream_.counts();
    stats::add(slot.requests);
    stats::add(slot.running_us, micros);
    stats::add(slot.tx_bytes, stream_.head_bytes() + stream_.body_sent());
    slot.average_us.store((slot.average_us.load(std::memory_order_relaxed) + micros) / 2,
                          std::memory_order_relaxed);
    if (counts.received != 0) stats::add(slot.rx_bytes, counts.received);
    if (const auto dropped = stream_.head().dropped_fields)
        stats::add(slot.dropped_fields, dropped);
    if (counts.app_failed) stats::add(slot.exceptions);
    if ((stream_.client_gone() && !stream_.detached()) || counts.body_lost) {
        stats::add(slot.aborted);
    }
    if (const auto cut = counts.body_timeouts + counts.slow_clients + counts.send_timeouts) {
        stats::add(slot.timeouts, cut);
        stats::add(slot.body_timeouts, counts.body_timeouts);
        stats::add(slot.slow_clients, counts.slow_clients);
        stats::add(slot.send_timeouts, counts.send_timeouts);
    }
    if (context_.settings.access_log) write_access_line(micros);
}

void Connection::write_access_line(std::uint64_t micros) {
    const http::RequestHead& head = stream_.head();
    log::AccessRecord record;
    record.address = head.client_address().empty() ? peer_.address : head.client_address();
    record.method = head.method();
    record.uri = head.target();
    record.protocol = version_text(head.version);
    record.pid = context_.pid;
    record.app_requests = record.total_requests =
        context_.slot.requests.load(std::memory_order_relaxed);
    record.vars = head.fields().size() + head.variables().size();
    record.request_bytes = head.block_size();
    record.time = std::time(nullptr);
    record.status = stream_.status();
    record.body_bytes = stream_.body_sent();
    record.micros = micros;
    record.headers = stream_.header_count();
    record.header_bytes = stream_.head_bytes();
    record.core = stream_.core() != nullptr ? stream_.core()->number : 0;
    log::append_access(context_.access_lines, record);
    if (context_.access_lines.size() > kReceiveBuffer) log::flush_access(context_.access_lines);
}

// Where to go after an answer, or after what was queued of it is sent.
void Connection::settle() {
    const bool gone = stream_.open() && stream_.client_gone();
    closing_ = closing_ || !stream_.keeps_connection();
    reset_ = reset_ || stream_.broke_by_close();
    const bool body_left = stream_.open() && !stream_.body_complete();
    if (stream_.open()) client_ends_ = !stream_.head().keep_alive && !body_left;
    // However long the app keeps its descriptor: the connection ends with the request.
    if (stream_.open() && stream_.detached()) ::shutdown(socket_.get(), SHUT_RDWR);
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
