#include "front/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "client/input.h"
#include "client/proxy_header.h"
#include "front/dispatch.h"

namespace mew::front {

namespace {
// Of what a client sends ahead while its request is answered.
constexpr std::size_t kMostHeld = 65536;
}  // namespace

Connection::Connection(Context& context, os::Fd socket, client::PeerText peer,
                       std::uint32_t listener, std::unique_ptr<http::Codec> codec)
    : context_(context),
      socket_(std::move(socket)),
      codec_(std::move(codec)),
      outbox_(context),
      peer_text_(peer),
      peer_{peer_text_.address(), peer_text_.port(), context.next_connection++, listener},
      on_unix_socket_(peer.address().empty()),
      proxy_header_due_(context.settings.client.expects_proxy_header(listener)) {
    context_.connections.push_back(*this);
    stats::add(context_.slot.connections);
}

Connection::~Connection() {
    context_.slot.connections.store(context_.slot.connections.load(std::memory_order_relaxed) - 1,
                                    std::memory_order_relaxed);
}

void Connection::open() {
    arm(client::Limit::header);
    receive();  // nearly always the request is there already
}

void Connection::close() {
    if (gone_) return;
    gone_ = true;
    context_.deadlines.disarm(*this);
    while (!exchanges_.empty()) {
        Exchange& exchange = exchanges_.front();
        context_.dispatch->withdraw(exchange);
        stats::add(context_.slot.cancelled);
        on_over(exchange);
    }
    set_interest(0);
    socket_.reset();
    base::ListNode<RegistryTag>::unlink();
    context_.loop.defer_delete(std::unique_ptr<Connection>(this));
}

void Connection::set_interest(std::uint32_t events) {
    if (interest_ == events) return;
    const std::uint32_t before = std::exchange(interest_, events);
    if (events == 0) return context_.loop.remove(socket_.get(), *this);
    const auto done = before == 0 ? context_.loop.add(socket_.get(), events, *this)
                                  : context_.loop.modify(socket_.get(), events, *this);
    if (!done) close();
}

// EPOLLHUP and EPOLLERR are told anyway.
void Connection::watch() {
    if (gone_ || lent_) return;
    std::uint32_t events = 0;
    Exchange* const body = awaiting_body();
    const bool full = held_.size() >= kMostHeld || (body != nullptr && body->body_blocked());
    // The end of what a client sends lies behind what it has sent.
    if (lingering_ || (!input_ended_ && !full)) events |= EPOLLIN;
    if (sends_on_ || (!outbox_.empty() && !outbox_.loading())) events |= EPOLLOUT;
    // Nothing to hear of but the end.
    set_interest(events == 0 ? static_cast<std::uint32_t>(EPOLLPRI) : events);
}

// --- events

void Connection::on_event(std::uint32_t events) {
    if (lingering_) return drop_received();
    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && (events & EPOLLIN) == 0) {
        if (!exchanges_.empty() || !outbox_.empty()) stats::add(context_.slot.aborted);
        return close();
    }
    if ((events & EPOLLOUT) != 0) resume_sending();
    if (gone_ || lingering_) return;
    if ((events & EPOLLIN) != 0 && !input_ended_) receive();
}

void Connection::receive() {
    char* const buffer = context_.receive_buffer.data();
    const ssize_t size = client::receive(socket_.get(), buffer, kReceiveBuffer);
    if (size < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) return close();
        return await();
    }
    if (size == 0) return on_end_of_input();
    received_any_ = true;
    stats::add(context_.slot.rx_bytes, static_cast<std::uint64_t>(size));
    const std::string_view bytes(buffer, static_cast<std::size_t>(size));
    if (held_.empty()) return process(bytes);
    held_.append(bytes);
    process(held_);
}

// A client that sends nothing more may still want its answers: what a worker is at goes on, and
// what lies here behind it. What only waits for a worker is not worth its time any more.
void Connection::on_end_of_input() {
    input_ended_ = true;
    if (!end_half_sent()) return;
    if (exchanges_.empty() && outbox_.empty()) return close();
    if (!exchanges_.empty() && exchanges_.front().place() == Exchange::Place::queued) {
        stats::add(context_.slot.aborted);
        return close();
    }
    watch();
}

// The rest of a body will not come. False: it was refused for that.
bool Connection::end_half_sent() {
    Exchange* const exchange = awaiting_body();
    if (exchange == nullptr) return true;
    stats::add(context_.slot.aborted);
    closing_ = true;
    if (exchange->place() != Exchange::Place::collecting) {
        exchange->break_body(400);
        return true;
    }
    refuse_now(400, "the client left in the middle of the body");
    return false;
}

// --- inward

void Connection::process(std::string_view bytes) {
    processing_ = true;
    // Behind the last answer nothing is a request.
    const auto is_over = [this] { return gone_ || lingering_ || (closing_ && exchanges_.empty()); };
    while (!is_over() && decode(bytes)) {
    }
    processing_ = false;
    if (gone_) return;
    own_heads();
    if (!lingering_) client::keep(held_, bytes);
    if (input_ended_ && !lingering_ && !end_half_sent()) return;
    settle();
}

// What was received lies in a buffer that is about to be used again, and a head may be wanted long
// after: once its body is whole, or by a second worker.
void Connection::own_heads() {
    for (Exchange* next = exchanges_.first(); next != nullptr; next = exchanges_.after(*next))
        next->own_head();
}

// False: nothing more can be done with what is there.
bool Connection::decode(std::string_view& bytes) {
    if (proxy_header_due_ && !take_proxy_header(bytes)) return false;
    const std::size_t used = codec_->decode(bytes, *this);
    bytes.remove_prefix(used);
    if (std::exchange(refused_, false)) {
        answer_refusal(refusal_);
        return false;
    }
    const bool ran = used != 0;
    dispatch_ready();
    return ran && !bytes.empty();
}

// False: it has not come whole yet, or the connection is closed.
bool Connection::take_proxy_header(std::string_view& bytes) {
    using Outcome = net::ProxyHeader::Outcome;
    client::PeerText client = peer_text_;
    const Outcome outcome = client::take_proxy_header(bytes, client, context_.settings.client,
                                                      context_.refusal_log, context_.loop.now());
    if (outcome == Outcome::refused) {
        stats::add(context_.slot.refused);
        close();
    }
    if (outcome != Outcome::done) return false;
    proxy_header_due_ = false;
    received_any_ = !bytes.empty();  // of a request
    peer_text_ = client;
    peer_.address = peer_text_.address();
    peer_.port = peer_text_.port();
    return true;
}

// Those whose request is whole, or as much of it as is awaited.
void Connection::dispatch_ready() {
    Exchange* next = exchanges_.first();
    while (next != nullptr && !gone_) {
        Exchange& exchange = *next;
        next = exchanges_.after(exchange);
        if (exchange.place() == Exchange::Place::collecting && exchange.ready())
            context_.dispatch->submit(exchange);
    }
}

Exchange* Connection::find(http::StreamId stream) {
    Exchange* next = exchanges_.first();
    while (next != nullptr && next->id() != stream) next = exchanges_.after(*next);
    return next;
}

Exchange* Connection::awaiting_body() {
    Exchange* next = exchanges_.first();
    while (next != nullptr && !next->awaits_body()) next = exchanges_.after(*next);
    return next;
}

void Connection::on_head(http::StreamId stream, http::RequestHead& head) {
    stats::add(context_.slot.requests);
    context_.forwarding.apply(head, {peer_.address, false});
    if (head.dropped_fields != 0) stats::add(context_.slot.dropped_fields, head.dropped_fields);
    auto exchange = std::make_unique<Exchange>(context_, *this, stream, head);
    exchanges_.push_back(*exchange.release());  // on_over() ends it
    client_ends_ = !head.keep_alive;
    body_limit_.restart();
}

void Connection::on_body(http::StreamId stream, std::string_view piece) {
    if (Exchange* const exchange = find(stream); exchange != nullptr)
        exchange->add_body(piece);
    else
        dropped_ += piece.size();
}

void Connection::on_body_end(http::StreamId stream) {
    if (Exchange* const exchange = find(stream); exchange != nullptr)
        exchange->end_body();
    else
        draining_ = false;
}

void Connection::on_refusal(http::StreamId, const http::Refusal& refusal) {
    refused_ = true;
    refusal_ = refusal;
}

void Connection::on_over(Exchange& exchange) {
    exchange.base::ListNode<StreamTag>::unlink();
    exchange.forget();
    context_.loop.defer_delete(std::unique_ptr<Exchange>(&exchange));
    if (gone_) return;
    closing_ = closing_ || !exchange.keeps_connection();
    reset_ = reset_ || exchange.broke_by_close();
    if (!exchange.body_complete()) {
        draining_ = true;
        dropped_ = 0;
        client_ends_ = false;
    }
    if (processing_) return;
    // What the client had sent ahead.
    if (held_.empty() || closing_) return settle();
    process(held_);
}

void Connection::read_on() {
    if (processing_) return;
    if (limit() == client::Limit::none && awaiting_body() != nullptr) return await();
    watch();
}

// Nothing is being decoded: what is awaited now, and for how long?
void Connection::settle() {
    if (gone_ || lingering_ || (lent_ && !exchanges_.empty())) return;
    if (exchanges_.empty() && outbox_.empty()) {
        if (closing_ || input_ended_) return end_connection();
        if (draining_ && dropped_ > client::kDrainBound) return end_connection();
    }
    await();
}

void Connection::await() {
    using client::Limit;
    Exchange* const body = awaiting_body();
    if (!outbox_.empty() || sends_on_) {
        if (limit() != Limit::send) {
            send_pace_.start(context_.loop.now());
            arm(Limit::send);
        }
    } else if (body != nullptr || draining_) {
        if (body == nullptr || body->body_blocked()) {
            body_limit_.stop(context_.loop.now());  // it is the worker who is waited for
            arm(draining_ ? Limit::body : Limit::none);
        } else {
            const base::MonotonicTime now = context_.loop.now();
            body_limit_.start(now);
            if (body_fault(*body) != client::BodyFault::none) return on_body_limit();
            context_.deadlines.arm_rest(
                *this, Limit::body,
                body_limit_.left(context_.settings.client, now, body->body_received(),
                                 context_.deadlines.duration(Limit::body)));
        }
    } else if (!exchanges_.empty()) {
        arm(Limit::none);
    } else if (codec_->inside_head() || proxy_header_due_) {
        if (limit() != Limit::header) arm(Limit::header);
    } else if (received_any_ || limit() != Limit::header) {
        arm(Limit::keepalive);
    }
    watch();
}

bool Connection::quiet() const {
    return exchanges_.empty() && outbox_.empty() && !codec_->inside_head() && !draining_ &&
           held_.empty() && !client::has_input(socket_.get());
}

}  // namespace mew::front
