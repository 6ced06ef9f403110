#include "front/connection.h"

#include "front/dispatch.h"

namespace mew::front {

namespace {
bool is_safe(std::string_view method) {
    return method == "GET" || method == "HEAD" || method == "OPTIONS";
}
}  // namespace

Connection::Connection(Context& context, Wire wire, const client::PeerText& peer,
                       std::uint32_t listener)
    : ClientSocket(context, std::move(wire), peer, listener),
      peer_{peer_text_.address(), peer_text_.port(), context.next_connection++, listener} {}

void Connection::close_exchanges() {
    while (!exchanges_.empty()) {
        Exchange& exchange = exchanges_.front();
        if (!exchange.over()) {
            context_.dispatch->withdraw(exchange);
            stats::add(context_.slot.cancelled);
        }
        drop(exchange);
    }
}

Exchange* Connection::find(http::StreamId stream) {
    Exchange* next = exchanges_.first();
    while (next != nullptr && next->id() != stream) next = exchanges_.after(*next);
    return next;
}

void Connection::dispatch_ready() {
    Exchange* next = exchanges_.first();
    while (next != nullptr && !gone()) {
        Exchange& exchange = *next;
        next = exchanges_.after(exchange);
        if (exchange.place() == Exchange::Place::collecting && exchange.ready())
            context_.dispatch->submit(exchange);
    }
}

Exchange& Connection::add_exchange(http::StreamId stream, http::RequestHead& head) {
    stats::add(context_.slot.requests);
    head.https = head.https || secure();
    context_.forwarding.apply(head, {peer_.address, false});
    if (head.dropped_fields != 0) stats::add(context_.slot.dropped_fields, head.dropped_fields);
    auto exchange = std::make_unique<Exchange>(context_, *this, stream, head);
    exchanges_.push_back(*exchange);
    Exchange& added = *exchange.release();  // drop() ends it
    // What may be somebody's replay is not run unless that changes nothing (RFC 8470).
    if (secure() && wire_.tls()->in_early_data() && !is_safe(head.method())) added.answer(425);
    return added;
}

void Connection::drop(Exchange& exchange) {
    exchange.base::ListNode<StreamTag>::unlink();
    exchange.forget();
    context_.loop.defer_delete(std::unique_ptr<Exchange>(&exchange));
}

}  // namespace mew::front
