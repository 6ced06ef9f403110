// Refusals and time limits of front/http1_connection.h. Each limit has an option, a line in the log
// that names it, and a counter on the board.
#include "client/own_answer.h"
#include "front/dispatch.h"
#include "front/http1_connection.h"
#include "http/status.h"
#include "log/log.h"

namespace mew::front {

void Http1Connection::give_up_half_sent() {
    if (closing_) return;
    const Exchange* const body = awaiting_body();
    const bool half_body = body != nullptr && body->place() == Exchange::Place::collecting;
    if (half_body || (exchanges_.empty() && codec_->inside_head()))
        refuse_now(503, "the server stops, and the request was not whole in time");
}

void Http1Connection::refuse_now(int status, std::string_view reason) {
    answer_refusal({status, reason});
    if (!gone() && !processing_) settle();
}

// An answer of ours in place of the app's, after which the connection ends.
void Http1Connection::answer_refusal(const http::Refusal& refusal) {
    closing_ = true;
    stats::add(context_.slot.refused);
    if (http::is_too_large(refusal.status)) stats::add(context_.slot.too_large);
    context_.refusal_log.write(context_.loop.now(), peer_.address, refusal.status, refusal.reason);
    if (draining_) return;  // its request was answered already
    if (!exchanges_.empty()) {
        // The body that is malformed has begun to go to a worker, or not.
        return exchanges_.front().break_body(refusal.status);
    }
    client::append_own_answer(*codec_, 0, own_answer(refusal.status, true), context_.out);
    flush();
}

client::BodyFault Http1Connection::body_fault(const Exchange& exchange) const {
    return body_limit_.fault(context_.settings.client, context_.loop.now(),
                             exchange.body_received(),
                             context_.deadlines.duration(client::Limit::body));
}

void Http1Connection::on_limit(client::Limit limit) {
    using client::Limit;
    stats::FrontSlot& slot = context_.slot;
    switch (limit) {
        case Limit::header:
            stats::add(slot.head_timeouts);
            if (!received_any_) return close();
            stats::add(slot.timeouts);
            return refuse_now(408, "the request head took longer than http-header-timeout");
        case Limit::body:
            return on_body_limit();
        case Limit::send:
            stats::add(slot.timeouts);
            stats::add(slot.send_timeouts);
            log::info("client-too-slow",
                      "closed the connection of {}: it read its answer more "
                      "slowly than http-send-timeout and http-min-rate allow",
                      peer_.address.empty() ? "a UNIX socket" : peer_.address);
            return close();
        case Limit::keepalive:
            stats::add(slot.keepalive_timeouts);
            return close();
        default:
            return close();
    }
}

void Http1Connection::on_exchange_limit(Exchange& exchange, client::Limit limit) {
    if (limit == client::Limit::queue) context_.dispatch->on_waited_too_long(exchange);
}

void Http1Connection::on_body_limit() {
    Exchange* const exchange = awaiting_body();
    if (exchange == nullptr) {
        stats::add(context_.slot.body_timeouts);
        return close();
    }
    refuse_now(408, client::text_of(count_body_fault(body_fault(*exchange))));
}

}  // namespace mew::front
