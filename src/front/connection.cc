#include "front/connection.h"

#include "front/dispatch.h"
#include "http/grammar.h"

namespace mew::front {

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
        if (exchange.place() != Exchange::Place::collecting || !exchange.ready()) continue;
        if (!answer_without_app(exchange)) context_.dispatch->submit(exchange);
    }
}

Exchange& Connection::add_exchange(http::StreamId stream, http::RequestHead& head) {
    stats::add(context_.slot.requests);
    head.https = head.https || secure();
    context_.forwarding.apply(head, {peer_.address, false});
    add_tls_variables(head);
    if (head.dropped_fields != 0) stats::add(context_.slot.dropped_fields, head.dropped_fields);
    auto exchange = std::make_unique<Exchange>(context_, *this, stream, head);
    exchanges_.push_back(*exchange);
    return *exchange.release();  // drop() ends it
}

bool Connection::answer_without_app(Exchange& exchange) {
    if (context_.settings.client.listeners[listener_].option == "http-to-https") {
        exchange.redirect(https_uri(exchange.head()));
        return true;
    }
    // What may be somebody's replay is not run unless that changes nothing (RFC 8470).
    if (!secure() || !wire_.tls()->in_early_data() || exchange.is_safe()) return false;
    exchange.answer(425);
    return true;
}

client::BodyFault Connection::count_body_fault(client::BodyFault fault) {
    if (fault == client::BodyFault::none) fault = client::BodyFault::silent;
    stats::FrontSlot& slot = context_.slot;
    stats::add(slot.timeouts);
    stats::add(fault == client::BodyFault::slow ? slot.slow_clients : slot.body_timeouts);
    return fault;
}

// The same resource, by https.
std::string Connection::https_uri(const http::RequestHead& head) const {
    std::string_view host = http::split_authority(head.authority()).host;
    if (host.empty()) host = context_.settings.client.listeners[listener_].server_name;
    std::string uri = "https://" + std::string(host);
    const std::string& port = context_.settings.https_port;
    if (!port.empty() && port != "443") uri.append(":").append(port);
    uri.append(head.path());
    if (!head.query().empty()) uri.append("?").append(head.query());
    return uri;
}

void Connection::add_tls_variables(http::RequestHead& head) {
    if (!secure() || wire_.tls()->in_early_data()) return;
    if (!tls_variables_) {
        tls_variables_ = std::make_unique<TlsVariables>(
            tls_variables(*wire_.tls(), context_.settings.export_certificate));
    }
    for (const auto& [name, value] : *tls_variables_) head.add_variable(name, value);
}

void Connection::drop(Exchange& exchange) {
    exchange.base::ListNode<StreamTag>::unlink();
    exchange.forget();
    context_.loop.defer_delete(std::unique_ptr<Exchange>(&exchange));
}

}  // namespace mew::front
