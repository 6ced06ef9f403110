#include "worker/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "client/input.h"
#include "client/proxy_header.h"
#include "worker/handover.h"

namespace mew::worker {

namespace {
constexpr int kRequestsPerTurn = 32;  // of one connection, then others get their turn
// What a moving connection may take along: a packet of the pair must hold it.
constexpr std::size_t kMostMoved = 131072;
}  // namespace

Connection::Connection(Context& context, os::Fd socket, PeerText peer, std::uint32_t listener,
                       std::unique_ptr<http::Codec> codec)
    : context_(context),
      socket_(std::move(socket)),
      codec_(std::move(codec)),
      stream_(*this, context.settings, context.phase),
      peer_text_(peer),
      peer_{peer_text_.address(), peer_text_.port(), context.next_peer_tag++, listener},
      on_unix_socket_(peer.address().empty()) {
    context_.connections.push_back(*this);
    stats::add(context_.slot.connections);
}

Connection::~Connection() {
    context_.slot.connections.store(context_.slot.connections.load(std::memory_order_relaxed) - 1,
                                    std::memory_order_relaxed);
}

void Connection::set_peer(const PeerText& peer) {
    peer_text_ = peer;
    peer_.address = peer_text_.address();
    peer_.port = peer_text_.port();
}

void Connection::open(std::string_view unread, base::Milliseconds head_time) {
    context_.deadlines.arm(*this, Limit::header);
    if (context_.busy()) {
        held_.assign(unread);
        received_any_ = !unread.empty();
        return wait_for_core();
    }
    // Nearly always the request is there already; a connection that is served and closed at once
    // is never watched at all.
    if (unread.empty()) return receive();
    received_any_ = true;
    process(unread);
    // A head that was half sent elsewhere has the rest of its time, not all of it anew.
    if (state_ == State::receiving && limit() == Limit::header)
        context_.deadlines.arm_rest(*this, Limit::header, head_time);
}

void Connection::close() {
    if (state_ == State::gone) return;
    state_ = State::gone;
    context_.deadlines.disarm(*this);
    unwatch();
    socket_.reset();
    base::ListNode<RegistryTag>::unlink();
    base::ListNode<RunnableTag>::unlink();
    context_.loop.defer_delete(std::unique_ptr<Connection>(this));
}

void Connection::watch(std::uint32_t events) {
    if (interest_ == events) return;
    const auto done = interest_ == 0 ? context_.loop.add(socket_.get(), events, *this)
                                     : context_.loop.modify(socket_.get(), events, *this);
    interest_ = events;
    if (!done) close();
}

void Connection::unwatch() {
    if (interest_ == 0) return;
    interest_ = 0;
    context_.loop.remove(socket_.get(), *this);
}

bool Connection::movable() const {
    if (state_ != State::idle && state_ != State::receiving) return false;
    if (!stream_.open()) return held_.size() <= kMostMoved;
    // A chunked body was decoded already, and a gateway's head is not what was received.
    if (!codec_->block_is_wire() || stream_.head().framing == http::BodyFraming::chunked)
        return false;
    return stream_.head().block_size() + stream_.buffered_body() + held_.size() <= kMostMoved;
}

std::array<std::string_view, 3> Connection::unread() const {
    if (!stream_.open()) return {held_};
    return {stream_.head().block(), stream_.buffered(), held_};
}

base::Milliseconds Connection::head_time_left() const {
    const bool inside = limit() == Limit::header && received_any_;
    return inside ? std::max(context_.deadlines.left(*this), base::Milliseconds{1})
                  : base::Milliseconds{0};
}

bool Connection::quiet() const {
    // A stray CR LF between requests may lie in held_; it is no request.
    return state_ == State::idle && !codec_->inside_head() &&
           !base::ListNode<RunnableTag>::linked() && !client::has_input(socket_.get());
}

// --- events

void Connection::on_event(std::uint32_t events) {
    if (goes_on_) return on_exchange_event(events);
    if (state_ == State::answering) return unwatch();  // its core's: nothing here may be touched
    if (state_ == State::sending) return resume_sending();
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
    if (state_ == State::lingering) return drop_received();
    // A body that is under way may go on; what could start an app call has to wait.
    if (context_.busy() && !stream_.open() && state_ != State::draining) return wait_for_core();
    receive();
}

// Behind those that wait already. The socket is left alone, and what lies in it may still go to
// another worker whole.
void Connection::wait_for_core() {
    unwatch();
    if (limit() != Limit::header) context_.deadlines.disarm(*this);
    if (context_.has_takers() && context_.runnable.empty()) context_.on_first_waiting();
    context_.runnable.push_back(*this);
}

void Connection::run_further() {
    if (state_ != State::idle && state_ != State::receiving) return;
    if (!held_.empty() || stream_.open()) return process(held_);
    receive();
}

void Connection::receive() {
    char* const buffer = context_.receive_buffer();
    const ssize_t size = client::receive(socket_.get(), buffer, kReceiveBuffer);
    if (size < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) return close();
        if (state_ == State::idle && limit() == Limit::none)
            context_.deadlines.arm(*this, Limit::keepalive);
        return watch(EPOLLIN);
    }
    if (size == 0) return on_end_of_input();
    received_any_ = true;
    stats::add(context_.slot.rx_bytes, static_cast<std::uint64_t>(size));
    const std::string_view bytes(buffer, static_cast<std::size_t>(size));
    if (held_.empty()) return process(bytes);
    held_.append(bytes);
    process(held_);
}

void Connection::on_end_of_input() {
    if (stream_.open()) return refuse_now(400, "the client left in the middle of the body");
    close();
}

// --- inward

void Connection::process(std::string_view bytes) {
    for (int i = 0; i < kRequestsPerTurn; ++i) {
        switch (process_step(bytes)) {
            case Step::again:
                break;
            case Step::wait:
                if (state_ != State::gone && state_ != State::lingering) client::keep(held_, bytes);
                return;
            case Step::handed_on:
                return;
        }
    }
    client::keep(held_, bytes);
    context_.runnable.push_back(*this);
}

// Decodes and serves at most one request.
Connection::Step Connection::process_step(std::string_view& bytes) {
    if (proxy_header_due_ && !take_proxy_header(bytes)) return Step::wait;
    bytes.remove_prefix(codec_->decode(bytes, *this));
    if (refused_) {
        answer_refusal(refusal_);
        return Step::wait;
    }
    if (state_ == State::gone) return Step::wait;
    if (std::exchange(replied_, false) && !stream_.open()) {
        drain_body_ = drain_body_ || state_ == State::draining;
        settle();
        return state_ == State::idle ? Step::again : Step::wait;
    }
    if (!stream_.open()) {
        await_more();
        return Step::wait;
    }
    if (!stream_.ready(context_.settings.post_buffering)) {
        await_body();
        return Step::wait;
    }
    if (context_.busy()) {
        stream_.own_head();
        state_ = State::receiving;
        wait_for_core();
        return Step::wait;
    }
    return run_exchange(bytes);
}

// False: it has not come whole yet, or the connection is closed.
bool Connection::take_proxy_header(std::string_view& bytes) {
    using Header = net::ProxyHeader::Outcome;
    PeerText client = peer_text_;
    const Header outcome = client::take_proxy_header(bytes, client, context_.settings,
                                                     context_.refusal_log, context_.loop.now());
    if (outcome == Header::refused) {
        stats::add(context_.slot.refused);
        close();
    }
    if (outcome == Header::more) watch(EPOLLIN);
    if (outcome != Header::done) return false;
    proxy_header_due_ = false;
    received_any_ = !bytes.empty();  // of a request
    set_peer(client);
    return true;
}

// No request is complete: the time limit depends on what is there of the next one.
void Connection::await_more() {
    if (state_ == State::draining && dropped_ > client::kDrainBound) return end_connection();
    if (codec_->inside_head() && state_ == State::idle) {
        state_ = State::receiving;
        context_.deadlines.arm(*this, Limit::header);
    }
    watch(EPOLLIN);
}

void Connection::await_body() {
    const base::MonotonicTime now = context_.loop.now();
    if (state_ != State::receiving || limit() != Limit::body) {
        stream_.own_head();
        state_ = State::receiving;
        body_limit_.restart();
        body_limit_.start(now);
    } else if (const auto fault = slow_body(now); fault != client::BodyFault::none) {
        return time_out(fault);
    }
    const base::Milliseconds left = body_limit_.left(
        context_.settings, now, stream_.body_received(), context_.deadlines.duration(Limit::body));
    context_.deadlines.arm_rest(*this, Limit::body, left);
    watch(EPOLLIN);
}

void Connection::on_head(http::StreamId stream, http::RequestHead& head) {
    const bool gateway = !context_.settings.speaks_http(peer_.listener);
    context_.forwarding.apply(head, {peer_.address, gateway});
    stream_.begin(stream, head);
    body_limit_.restart();
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

// A peer that is gone shows at the next read.
void Connection::on_reply(std::string_view bytes, bool ends) {
    replied_ = true;
    closing_ = closing_ || ends;
    if (bytes.empty()) return;
    if (state_ == State::answering) {
        (void)send(bytes, {});
    } else {
        (void)queue_.send(socket_.get(), bytes);  // never waits: this is the loop
    }
}

void Connection::receive_body() {
    Core& core = *stream_.core();
    ssize_t size = 0;
    for (;;) {
        size = client::receive(socket_.get(), core.body_buffer.data(), kReceiveBuffer);
        if (size >= 0) break;
        if (errno != EAGAIN && errno != EWOULDBLOCK) {
            return stream_.lose_body("the connection broke in the middle of the body");
        }
        if (!await_body_in_call()) return;
    }
    if (size == 0) return stream_.lose_body("the client left in the middle of the body");
    decode_body({core.body_buffer.data(), static_cast<std::size_t>(size)});
}

void Connection::decode_body(std::string_view bytes) {
    stream_.counts().received += bytes.size();
    if (!held_.empty()) {
        held_.append(bytes);
        bytes = held_;
    }
    bytes.remove_prefix(codec_->decode(bytes, *this));
    client::keep(held_, bytes);
    if (refused_) stream_.break_body(refusal_.status, refusal_.reason);
}

}  // namespace mew::worker
