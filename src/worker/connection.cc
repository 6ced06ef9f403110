#include "worker/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "http/status.h"
#include "log/access.h"
#include "log/log.h"

namespace mew::worker {

namespace {

constexpr int kRequestsPerTurn = 32;  // of one connection, then others get their turn

std::string_view version_text(http::Version version) {
    switch (version) {
        case http::Version::http10:
            return "HTTP/1.0";
        case http::Version::http11:
            return "HTTP/1.1";
        case http::Version::http2:
            return "HTTP/2.0";
        case http::Version::http3:
            return "HTTP/3.0";
    }
    return "";
}

}  // namespace

Connection::Connection(Context& context, os::Fd socket, PeerText peer, std::uint32_t listener,
                       std::unique_ptr<http::Codec> codec)
    : context_(context),
      socket_(std::move(socket)),
      codec_(std::move(codec)),
      stream_(*this, context),
      peer_text_(peer),
      peer_{peer_text_.address(), peer_text_.port(), context.next_peer_tag++, listener} {
    context_.connections.push_back(*this);
    stats::add(context_.slot.connections);
}

Connection::~Connection() {
    context_.slot.connections.store(context_.slot.connections.load(std::memory_order_relaxed) - 1,
                                    std::memory_order_relaxed);
}

void Connection::open(std::string_view unread) {
    interest_ = EPOLLIN;
    if (!context_.loop.add(socket_.get(), interest_, *this)) return close();
    context_.deadlines.arm(*this, Limit::header);
    if (unread.empty()) return receive();  // nearly always the request is there already
    received_any_ = true;
    process(unread);
}

void Connection::close() {
    if (state_ == State::gone) return;
    state_ = State::gone;
    context_.deadlines.disarm(*this);
    if (socket_) context_.loop.remove(socket_.get(), *this);
    socket_.reset();
    base::ListNode<RegistryTag>::unlink();
    base::ListNode<RunnableTag>::unlink();
    context_.loop.defer_delete(std::unique_ptr<Connection>(this));
}

bool Connection::quiet() const {
    char byte = 0;
    // A stray CR LF between requests may lie in held_; it is no request.
    return state_ == State::idle && !codec_->inside_head() &&
           !base::ListNode<RunnableTag>::linked() &&
           ::recv(socket_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

void Connection::give_up_half_sent() {
    if (state_ != State::receiving) return;
    refuse_now(503, "the server stops, and the request was not whole in time");
}

void Connection::set_interest(std::uint32_t events) {
    if (interest_ == events) return;
    interest_ = events;
    if (!context_.loop.modify(socket_.get(), events, *this)) close();
}

// --- events

void Connection::on_event(std::uint32_t events) {
    if (state_ == State::sending) return resume_sending();
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    if (state_ == State::lingering) return drop_received();
    receive();
}

void Connection::receive() {
    ssize_t size = 0;
    do {
        size = ::recv(socket_.get(), context_.receive_buffer.data(), kReceiveBuffer, 0);
    } while (size < 0 && errno == EINTR);
    if (size < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) close();
        return;
    }
    if (size == 0) return on_end_of_input();
    received_any_ = true;
    stats::add(context_.slot.rx_bytes, static_cast<std::uint64_t>(size));
    const std::string_view bytes(context_.receive_buffer.data(), static_cast<std::size_t>(size));
    if (held_.empty()) return process(bytes);
    held_.append(bytes);
    process(held_);
}

void Connection::on_end_of_input() {
    if (stream_.open()) return refuse_now(400, "the client left in the middle of the body");
    close();
}

void Connection::run_further() {
    if (state_ == State::idle || state_ == State::receiving) process(held_);
}

// --- inward

void Connection::process(std::string_view bytes) {
    for (int i = 0; i < kRequestsPerTurn; ++i) {
        if (!process_step(bytes)) {
            if (state_ != State::gone && state_ != State::lingering) keep(bytes);
            return;
        }
    }
    keep(bytes);
    context_.runnable.push_back(*this);
}

// Decodes and serves at most one request; false when nothing more can be done now.
bool Connection::process_step(std::string_view& bytes) {
    bytes.remove_prefix(codec_->decode(bytes, *this));
    if (refused_) {
        answer_refusal(refusal_);
        return false;
    }
    if (state_ == State::gone) return false;
    if (!stream_.open()) {
        await_more();
        return false;
    }
    if (!stream_.ready(context_.settings.post_buffering)) {
        stream_.own_head();
        state_ = State::receiving;
        context_.deadlines.arm(*this, Limit::body);
        return false;
    }
    run_exchange(bytes);
    return state_ == State::idle;
}

void Connection::keep(std::string_view bytes) {
    if (bytes.empty()) {
        if (!held_.empty()) held_ = std::string();
    } else if (bytes.data() >= held_.data() && bytes.data() < held_.data() + held_.size()) {
        held_.erase(0, static_cast<std::size_t>(bytes.data() - held_.data()));
    } else {
        held_.assign(bytes);
    }
}

// No request is complete: the time limit depends on what is there of the next one.
void Connection::await_more() {
    if (state_ == State::draining) {
        if (dropped_ > kDropBound) end_connection();
        return;
    }
    if (!codec_->inside_head() || state_ == State::receiving) return;
    state_ = State::receiving;
    context_.deadlines.arm(*this, Limit::header);
}

void Connection::on_head(http::StreamId stream, http::RequestHead& head) {
    stream_.begin(stream, head);
}

void Connection::on_body(http::StreamId, std::string_view piece) {
    if (stream_.open()) {
        stream_.add_body(piece);
    } else {
        dropped_ += piece.size();
    }
}

void Connection::on_body_end(http::StreamId) {
    if (stream_.open()) {
        stream_.end_body();
    } else if (state_ == State::draining) {
        become_idle();
    }
}

void Connection::on_refusal(http::StreamId, const http::Refusal& refusal) {
    refused_ = true;
    refusal_ = refusal;
}

void Connection::receive_body() {
    ssize_t size = 0;
    for (;;) {
        size = ::recv(socket_.get(), context_.body_buffer.data(), kReceiveBuffer, 0);
        if (size >= 0) break;
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            return stream_.break_body(400, "the connection broke in the middle of the body");
        }
        const Wait outcome = wait(POLLIN, Limit::body);
        if (outcome == Wait::timeout) {
            stats::add(context_.slot.timeouts);
            return stream_.break_body(408, "no byte of the body came within http-body-timeout");
        }
    }
    if (size == 0) return stream_.break_body(400, "the client left in the middle of the body");
    stats::add(context_.slot.rx_bytes, static_cast<std::uint64_t>(size));
    std::string_view bytes(context_.body_buffer.data(), static_cast<std::size_t>(size));
    if (!held_.empty()) {
        held_.append(bytes);
        bytes = held_;
    }
    bytes.remove_prefix(codec_->decode(bytes, *this));
    keep(bytes);
    if (refused_) stream_.break_body(refusal_.status, refusal_.reason);
}

// --- the exchange

void Connection::run_exchange(std::string_view& bytes) {
    const bool streams_body = !stream_.body_complete();
    if (streams_body) {
        // The app will read on while it runs: nothing may point into buffers that are read into.
        stream_.own_head();
        keep(bytes);
    }
    state_ = State::answering;
    const base::MonotonicTime started = context_.loop.now();
    context_.slot.request_started_us.store(
        static_cast<std::uint64_t>(started.time_since_epoch() / std::chrono::microseconds(1)),
        std::memory_order_relaxed);
    context_.slot.state.store(stats::WorkerState::busy, std::memory_order_relaxed);

    http::Exchange exchange{stream_.head(), peer_, stream_.body(), stream_.body_size(), stream_};
    context_.bridge.run(exchange);

    context_.slot.state.store(context_.resting_state(), std::memory_order_relaxed);
    context_.slot.request_started_us.store(0, std::memory_order_relaxed);
    if (streams_body) bytes = held_;
    refused_ = false;  // a malformed body was told to the app, and ends the connection
    count_exchange(started);
    settle();
}

void Connection::count_exchange(base::MonotonicTime started) {
    stats::Slot& slot = context_.slot;
    const base::MonotonicTime now = context_.loop.refresh_now();
    const auto micros = static_cast<std::uint64_t>((now - started) / std::chrono::microseconds(1));
    stats::add(slot.requests);
    stats::add(slot.running_us, micros);
    stats::add(slot.tx_bytes, stream_.head_bytes() + stream_.body_sent());
    slot.average_us.store((slot.average_us.load(std::memory_order_relaxed) + micros) / 2,
                          std::memory_order_relaxed);
    if (stream_.client_gone()) stats::add(slot.aborted);
    if (context_.settings.access_log) write_access_line(micros);
}

void Connection::write_access_line(std::uint64_t micros) {
    const http::RequestHead& head = stream_.head();
    log::AccessRecord record;
    record.address = peer_.address;
    record.method = head.method();
    record.uri = head.target();
    record.protocol = version_text(head.version);
    record.pid = context_.pid;
    record.app_requests = record.total_requests =
        context_.slot.requests.load(std::memory_order_relaxed);
    record.vars = head.fields().size();
    record.request_bytes = head.block_size();
    record.time = std::time(nullptr);
    record.status = stream_.status();
    record.body_bytes = stream_.body_sent();
    record.micros = micros;
    record.headers = stream_.header_count();
    record.header_bytes = stream_.head_bytes();
    log::append_access(context_.access_lines, record);
    if (context_.access_lines.size() > kReceiveBuffer) log::flush_access(context_.access_lines);
}

// Where to go after an answer, or after what was queued of it is sent.
void Connection::settle() {
    const bool gone = stream_.open() && stream_.client_gone();
    closing_ = closing_ || !stream_.keeps_connection();
    const bool body_left = stream_.open() && !stream_.body_complete();
    if (stream_.open()) client_ends_ = !stream_.head().keep_alive && !body_left;
    if (stream_.open()) stream_.close();
    if (gone) return close();
    if (!queue_.empty()) {
        // Whether body is left is asked again once the queue is empty: the codec knows.
        drain_body_ = body_left;
        state_ = State::sending;
        context_.deadlines.arm(*this, Limit::send);
        return set_interest(EPOLLOUT);
    }
    if (closing_) return end_connection();
    if (body_left || drain_body_) {
        drain_body_ = false;
        dropped_ = 0;
        state_ = State::draining;
        return context_.deadlines.arm(*this, Limit::body);
    }
    become_idle();
}

void Connection::become_idle() {
    state_ = State::idle;
    context_.deadlines.arm(*this, Limit::keepalive);
}

void Connection::refuse_now(int status, std::string_view reason) {
    answer_refusal({status, reason});
}

// An answer of ours in place of the app's, after which the connection ends.
void Connection::answer_refusal(const http::Refusal& refusal) {
    refused_ = false;
    closing_ = true;
    stats::add(context_.slot.refused);
    context_.refusal_log.write(context_.loop.now(), peer_.address, refusal.status, refusal.reason);
    if (state_ == State::draining) return end_connection();  // its request was answered already
    if (stream_.open()) stream_.close();

    const std::string_view phrase = http::reason_phrase(refusal.status);
    http::ResponseHead head;
    head.status = refusal.status;
    head.headers.push_back(
        {"Content-Type", "text/plain; charset=utf-8", http::FieldName::content_type});
    head.implied_length = phrase.size() + 1;
    const http::BodyPlan plan = codec_->encode_head(0, head, true, context_.out);
    if (plan.has_body) context_.out.append(phrase).append("\n");
    const bool sent = send(context_.out, {});
    context_.out.clear();
    return sent ? settle() : close();
}

// --- time limits

void Connection::on_limit(Limit limit) {
    switch (limit) {
        case Limit::header:
            if (!received_any_) return close();
            return time_out("the request head took longer than http-header-timeout");
        case Limit::body:
            if (state_ == State::draining) return close();
            return time_out("the request body stood still for longer than http-body-timeout");
        case Limit::send:
            stats::add(context_.slot.timeouts);
            log::info("client-too-slow",
                      "closed the connection of {}: it read nothing of its answer within "
                      "http-send-timeout",
                      peer_.address.empty() ? "a UNIX socket" : peer_.address);
            return close();
        default:
            return close();
    }
}

void Connection::time_out(std::string_view what) {
    stats::add(context_.slot.timeouts);
    refuse_now(408, what);
}

}  // namespace mew::worker
