#include "front/http1_connection.h"

#include <algorithm>
#include <utility>

#include "client/codecs.h"
#include "client/input.h"
#include "front/dispatch.h"

namespace mew::front {

namespace {
// Of what a client sends ahead while its request is answered.
constexpr std::size_t kMostHeld = 65536;
}  // namespace

Http1Connection::Http1Connection(Context& context, Wire wire, const client::PeerText& peer,
                                 std::uint32_t listener)
    : Connection(context, std::move(wire), peer, listener),
      codec_(client::make_codec(context.settings.client, listener)),
      on_unix_socket_(peer.address().empty()) {}

void Http1Connection::open(std::string_view bytes) {
    arm(client::Limit::header);
    if (bytes.empty()) return receive();  // nearly always the request is there already
    received_any_ = true;
    process(bytes);
}

void Http1Connection::close() {
    if (!begin_close()) return;
    close_exchanges();
    end_close();
}

// EPOLLHUP and EPOLLERR are told anyway.
void Http1Connection::watch() {
    if (gone() || lent_) return;
    std::uint32_t events = 0;
    Exchange* const body = awaiting_body();
    const Relay* const relay =
        relayed_ && !exchanges_.empty() ? exchanges_.front().relay() : nullptr;
    const bool full = held_.size() >= kMostHeld || (body != nullptr && body->body_blocked()) ||
                      (relay != nullptr && relay->full());
    // The end of what a client sends lies behind what it has sent.
    if (lingering_ || (!input_ended_ && !full)) events |= EPOLLIN;
    if (sends_on_ || (!wire_.empty() && !wire_.loading())) events |= EPOLLOUT;
    // Nothing to hear of but the end.
    (void)set_interest(events == 0 ? static_cast<std::uint32_t>(EPOLLPRI) : events);
}

// --- events

void Http1Connection::on_event(std::uint32_t events) {
    if (lingering_) return drop_received();
    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && (events & EPOLLIN) == 0) {
        if (!exchanges_.empty() || !wire_.empty()) stats::add(context_.slot.aborted);
        return close();
    }
    if ((events & EPOLLOUT) != 0) resume_sending();
    if (gone() || lingering_) return;
    if ((events & EPOLLIN) != 0 && !input_ended_) receive();
}

void Http1Connection::receive() {
    std::string_view bytes;
    switch (wire_.receive(bytes)) {
        case Wire::Got::bytes:
            break;
        case Wire::Got::nothing:
            return await();
        case Wire::Got::end:
            return on_end_of_input();
        case Wire::Got::broken:
            return close();
    }
    if (relayed_) return relay(bytes);
    received_any_ = true;
    if (held_.empty()) return process(bytes);
    held_.append(bytes);
    process(held_);
}

// A client that sends nothing more may still want its answers: what a worker is at goes on, and
// what lies here behind it. What only waits for a worker is not worth its time any more.
void Http1Connection::on_end_of_input() {
    input_ended_ = true;
    if (relayed_ && !exchanges_.empty()) {
        exchanges_.front().relay()->end_input();
        return watch();
    }
    if (!end_half_sent()) return;
    if (exchanges_.empty() && wire_.empty()) return close();
    if (!exchanges_.empty() && exchanges_.front().place() == Exchange::Place::queued) {
        stats::add(context_.slot.aborted);
        return close();
    }
    // Where apps care (ASGI), theirs is told.
    for (Exchange* one = exchanges_.first(); one != nullptr; one = exchanges_.after(*one)) {
        if (one->channel() != nullptr) one->channel()->end_input(one->slot());
    }
    watch();
}

// The rest of a body will not come. False: it was refused for that.
bool Http1Connection::end_half_sent() {
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

void Http1Connection::process(std::string_view bytes) {
    processing_ = true;
    // Behind the last answer nothing is a request.
    const auto is_over = [this] {
        return gone() || lingering_ || (closing_ && exchanges_.empty());
    };
    while (!is_over() && decode(bytes)) {
    }
    processing_ = false;
    if (gone()) return;
    own_heads();
    if (!lingering_) client::keep(held_, bytes);
    if (input_ended_ && !lingering_ && !end_half_sent()) return;
    settle();
}

// What was received lies in a buffer that is about to be used again, and a head may be wanted long
// after: once its body is whole, or by a second worker.
void Http1Connection::own_heads() {
    for (Exchange* next = exchanges_.first(); next != nullptr; next = exchanges_.after(*next))
        next->own_head();
}

// False: nothing more can be done with what is there.
bool Http1Connection::decode(std::string_view& bytes) {
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

Exchange* Http1Connection::awaiting_body() {
    Exchange* next = exchanges_.first();
    while (next != nullptr && !next->awaits_body()) next = exchanges_.after(*next);
    return next;
}

void Http1Connection::on_head(http::StreamId stream, http::RequestHead& head) {
    add_exchange(stream, head);
    client_ends_ = !head.keep_alive;
    body_limit_.restart();
}

void Http1Connection::on_body(http::StreamId stream, std::string_view piece) {
    if (Exchange* const exchange = find(stream); exchange != nullptr)
        exchange->add_body(piece);
    else
        dropped_ += piece.size();
}

void Http1Connection::on_body_end(http::StreamId stream) {
    if (Exchange* const exchange = find(stream); exchange != nullptr)
        exchange->end_body();
    else
        draining_ = false;
}

void Http1Connection::on_refusal(http::StreamId, const http::Refusal& refusal) {
    refused_ = true;
    refusal_ = refusal;
}

void Http1Connection::on_over(Exchange& exchange) {
    drop(exchange);
    if (gone()) return;
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

void Http1Connection::on_body_room(Exchange&) {
    if (processing_) return;
    if (limit() == client::Limit::none && awaiting_body() != nullptr) return await();
    watch();
}

// Nothing is being decoded: what is awaited now, and for how long?
void Http1Connection::settle() {
    if (gone() || lingering_ || (lent_ && !exchanges_.empty())) return;
    if (output_ends_ && wire_.empty()) {
        output_ends_ = false;
        wire_.end_output();
    }
    if (exchanges_.empty() && wire_.empty()) {
        if (closing_ || input_ended_) return end_connection();
        if (draining_ && dropped_ > client::kDrainBound) return end_connection();
    }
    await();
}

void Http1Connection::await() {
    using client::Limit;
    Exchange* const body = awaiting_body();
    if (!wire_.empty() || sends_on_) {
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
    } else if (codec_->inside_head()) {
        if (limit() != Limit::header) arm(Limit::header);
    } else if (received_any_ || limit() != Limit::header) {
        arm(Limit::keepalive);
    }
    watch();
}

bool Http1Connection::quiet() const {
    return exchanges_.empty() && wire_.empty() && !codec_->inside_head() && !draining_ &&
           held_.empty() && !client::has_input(wire_.socket());
}

}  // namespace mew::front
