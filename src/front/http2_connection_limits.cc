// Time limits and the end of front/http2_connection.h.
#include "front/dispatch.h"
#include "front/http2_connection.h"
#include "log/log.h"

namespace mew::front {

namespace {
// So long a client has to hear of the end before what it sends comes too late.
constexpr base::Milliseconds kHearsOfEnd{300};
}  // namespace

void Http2Connection::await_exchange(Exchange& exchange) {
    using client::Limit;
    const base::MonotonicTime now = context_.loop.now();
    client::Deadlines& deadlines = context_.deadlines;
    if (exchange.limit() == Limit::queue) return;
    const bool unsent =
        exchange.started() && (exchange.sends_rest() || codec_.unsent(exchange.id()) != 0);
    if (unsent) {
        // Each byte that goes begins the wait anew; how long all of them take is the pace's.
        exchange.send_pace.start(now);
        if (exchange.send_pace.too_slow(now, exchange.answer_sent,
                                        context_.settings.client.min_rate,
                                        deadlines.duration(Limit::send)))
            return give_up_answer(exchange);
        const bool moved = exchange.answer_sent != exchange.answer_seen;
        exchange.answer_seen = exchange.answer_sent;
        if (moved || exchange.limit() != Limit::send) deadlines.arm(exchange, Limit::send);
        return;
    }
    exchange.send_pace.stop(now);
    if (exchange.over() || !exchange.awaits_body() || exchange.body_blocked()) {
        exchange.body_limit.stop(now);
        return deadlines.disarm(exchange);
    }
    exchange.body_limit.start(now);
    deadlines.arm_rest(
        exchange, Limit::body,
        exchange.body_limit.left(context_.settings.client, now, exchange.body_received(),
                                 deadlines.duration(Limit::body)));
}

void Http2Connection::on_exchange_limit(Exchange& exchange, client::Limit limit) {
    if (limit == client::Limit::queue) return context_.dispatch->on_waited_too_long(exchange);
    if (limit == client::Limit::body) return on_body_limit(exchange);
    give_up_answer(exchange);
}

void Http2Connection::give_up_answer(Exchange& exchange) {
    stats::add(context_.slot.timeouts);
    stats::add(context_.slot.send_timeouts);
    log::info("client-too-slow",
              "gave up an answer to {}: it was read more slowly than http-send-timeout and "
              "http-min-rate allow",
              peer_.address.empty() ? "a UNIX socket" : peer_.address);
    codec_.cancel(exchange.id());
    flush();
}

void Http2Connection::on_body_limit(Exchange& exchange) {
    const client::BodyFault fault = count_body_fault(exchange.body_limit.fault(
        context_.settings.client, context_.loop.now(), exchange.body_received(),
        context_.deadlines.duration(client::Limit::body)));
    context_.refusal_log.write(context_.loop.now(), peer_.address, 408, client::text_of(fault));
    exchange.break_body(408);
}

void Http2Connection::on_limit(client::Limit limit) {
    stats::FrontSlot& slot = context_.slot;
    switch (limit) {
        case client::Limit::header:
            stats::add(slot.timeouts);
            stats::add(slot.head_timeouts);
            break;
        case client::Limit::keepalive:
            stats::add(slot.keepalive_timeouts);
            break;
        case client::Limit::send:
            stats::add(slot.timeouts);
            stats::add(slot.send_timeouts);
            return close();
        default:
            return close();
    }
    // It hears that no stream of its was lost.
    codec_.drain(true);
    draining_ = drained_ = true;
    send_pending();
    if (!gone()) leave();
}

// RFC 9113 6.8: first a warning, then the last stream that was taken.
void Http2Connection::drain() {
    if (std::exchange(draining_, true)) return;
    codec_.drain(false);
    drain_timer_ = context_.loop.start_timer(kHearsOfEnd, [this] {
        drain_timer_ = 0;
        drained_ = true;
        codec_.drain(true);
        send_pending();
    });
    send_pending();
}

void Http2Connection::give_up_half_sent() {
    Exchange* next = exchanges_.first();
    while (next != nullptr && !gone()) {
        Exchange& exchange = *next;
        next = exchanges_.after(exchange);
        if (exchange.place() == Exchange::Place::collecting && exchange.awaits_body())
            exchange.break_body(503);
    }
}

}  // namespace mew::front
