#include "front/http2_connection.h"

#include "client/own_answer.h"
#include "front/dispatch.h"
#include "http/status.h"
#include "log/log.h"

namespace mew::front {

namespace {
// Of what waits for its socket; what is beyond it waits where priorities still order it.
constexpr std::size_t kMostPending = 65536;
}  // namespace

Http2Connection::Http2Connection(Context& context, Wire wire, const client::PeerText& peer,
                                 std::uint32_t listener)
    : Connection(context, std::move(wire), peer, listener),
      codec_(context.settings.client.limits, context.settings.http2, context.loop.clock()) {
    stats::add(context.slot.http2_connections);
}

void Http2Connection::open(std::string_view bytes) {
    arm(client::Limit::header);
    if (bytes.empty()) return receive();
    process(bytes);
}

void Http2Connection::close() {
    if (!begin_close()) return;
    base::ListNode<UnsentTag>::unlink();
    context_.loop.cancel_timer(drain_timer_);
    close_exchanges();
    end_close();
}

// --- inward

void Http2Connection::on_event(std::uint32_t events) {
    if ((events & (EPOLLHUP | EPOLLERR)) != 0 && (events & EPOLLIN) == 0) {
        if (!exchanges_.empty()) stats::add(context_.slot.aborted);
        return close();
    }
    if ((events & EPOLLOUT) != 0) resume_sending();
    if (!gone() && (events & EPOLLIN) != 0) receive();
}

void Http2Connection::receive() {
    std::string_view bytes;
    switch (wire_.receive(bytes)) {
        case Wire::Got::bytes:
            return ended_ ? void() : process(bytes);
        case Wire::Got::nothing:
            return settle();
        case Wire::Got::end:
            // A client that sends nothing more cannot keep its streams' windows open either.
            if (!exchanges_.empty()) stats::add(context_.slot.aborted);
            return close();
        case Wire::Got::broken:
            return close();
    }
}

void Http2Connection::process(std::string_view bytes) {
    processing_ = true;
    (void)codec_.decode(bytes, *this);
    processing_ = false;
    if (gone()) return;
    answer_refusals();
    dispatch_ready();
    if (!gone()) send_pending();
}

void Http2Connection::on_head(http::StreamId stream, http::RequestHead& head) {
    add_exchange(stream, head);
}

void Http2Connection::on_body(http::StreamId stream, std::string_view piece) {
    Exchange* const exchange = find(stream);
    if (exchange == nullptr) return codec_.consume(stream, piece.size());
    exchange->add_body(piece);
    give_credit(*exchange);
}

void Http2Connection::on_body_end(http::StreamId stream) {
    if (Exchange* const exchange = find(stream); exchange != nullptr) exchange->end_body();
}

void Http2Connection::on_refusal(http::StreamId stream, const http::Refusal& refusal) {
    refused_.push_back({stream, refusal});
}

void Http2Connection::answer_refusals() {
    for (const auto& [stream, refusal] : std::exchange(refused_, {})) {
        stats::add(context_.slot.refused);
        if (http::is_too_large(refusal.status)) stats::add(context_.slot.too_large);
        context_.refusal_log.write(context_.loop.now(), peer_.address, refusal.status,
                                   refusal.reason);
        if (Exchange* const exchange = find(stream); exchange != nullptr)
            exchange->break_body(refusal.status);
        else
            client::append_own_answer(codec_, stream, own_answer(refusal.status, false),
                                      context_.out);
        if (gone()) return;
    }
}

// As long as what came finds a place, more may come.
void Http2Connection::give_credit(Exchange& exchange) {
    if (exchange.over() || !exchange.body_blocked())
        codec_.consume(exchange.id(), static_cast<std::size_t>(exchange.take_credit()));
}

void Http2Connection::on_body_room(Exchange& exchange) {
    give_credit(exchange);
    if (!processing_) flush();
}

// --- outward

std::size_t Http2Connection::room_now(const Exchange& exchange) const {
    return codec_.room(exchange.id());
}

void Http2Connection::flush() {
    context_.out.clear();
    if (!gone() && !base::ListNode<UnsentTag>::linked()) context_.unsent.push_back(*this);
}

void Http2Connection::send(std::string_view) { flush(); }

void Http2Connection::go_on() { flush(); }

void Http2Connection::send_pending() {
    base::ListNode<UnsentTag>::unlink();
    if (gone() || ended_) return;
    const std::uint64_t before = wire_.sent();
    while (wire_.empty()) {
        resume_exchanges();
        std::string& out = context_.frames;
        out.clear();
        codec_.encode_pending(kMostPending, out, *this);
        if (out.empty()) break;
        if (wire_.send(out) == Wire::Progress::broken) {
            stats::add(context_.slot.aborted);
            return close();
        }
        if (wire_.sent() - before < Outbox::kMostSent) continue;
        flush();  // the others' turn
        break;
    }
    settle();
}

void Http2Connection::send_all_pending(Context& context) {
    std::vector<Http2Connection*> all;
    while (Http2Connection* const next = context.unsent.first()) {
        next->base::ListNode<UnsentTag>::unlink();
        all.push_back(next);
    }
    // What closes one of them lets it live to the end of the loop's turn.
    for (Http2Connection* const connection : all) connection->send_pending();
}

void Http2Connection::on_body_sent(http::StreamId stream, std::size_t size) {
    if (Exchange* const exchange = find(stream); exchange != nullptr) exchange->answer_sent += size;
}

void Http2Connection::end_output(Exchange& exchange, bool wholly) {
    codec_.encode_end(exchange.id(), context_.out);
    if (wholly) codec_.end_tunnel(exchange.id());
    flush();
}

// What waits behind the codec goes on where it has room.
void Http2Connection::resume_exchanges() {
    Exchange* next = exchanges_.first();
    while (next != nullptr) {
        Exchange& exchange = *next;
        next = exchanges_.after(exchange);
        if (exchange.started() && !exchange.over() && room_now(exchange) != 0) exchange.resume();
    }
    base::ListNode<UnsentTag>::unlink();  // what that encoded leaves now
}

void Http2Connection::resume_sending() {
    const auto progress = wire_.resume([this] { resume_sending(); });
    if (progress == Wire::Progress::broken) {
        stats::add(context_.slot.aborted);
        return close();
    }
    arm(client::Limit::none);
    send_pending();
}

// The answer is whole, or given up; what its codec keeps of it has still to go.
void Http2Connection::on_over(Exchange& exchange) {
    context_.deadlines.disarm(exchange);
    if (!gone()) flush();
}

void Http2Connection::on_stream_end(http::StreamId stream, bool) {
    Exchange* const exchange = find(stream);
    if (exchange == nullptr) return;
    if (!exchange->over()) {
        stats::add(context_.slot.cancelled);
        context_.dispatch->withdraw(*exchange);
    }
    drop(*exchange);
}

// --- what it waits for

void Http2Connection::settle() {
    if (gone()) return;
    if (codec_.over() && wire_.empty()) return leave();
    if (!wire_.empty()) {
        if (limit() != client::Limit::send) arm(client::Limit::send);
    } else if (codec_.inside_head()) {
        if (limit() != client::Limit::header) arm(client::Limit::header);
    } else if (!exchanges_.empty()) {
        arm(client::Limit::none);
    } else {
        // Without keep-alive an idle one is kept for as long as a head may take.
        const auto idle =
            context_.settings.client.keep_alive ? client::Limit::keepalive : client::Limit::header;
        if (limit() != idle) arm(idle);
    }
    Exchange* next = exchanges_.first();
    while (next != nullptr) {
        Exchange& exchange = *next;
        next = exchanges_.after(exchange);
        await_exchange(exchange);
    }
    std::uint32_t events = EPOLLIN;
    if (!wire_.empty() && !wire_.loading()) events |= EPOLLOUT;
    (void)set_interest(events);
}

void Http2Connection::leave() {
    if (!codec_.fault().empty() && !ended_) {
        stats::add(context_.slot.http2_faults);
        context_.refusal_log.write_connection(context_.loop.now(), peer_.address, codec_.fault(),
                                              {});
    }
    if (ended_) return;
    ended_ = true;
    // The last GOAWAY has to arrive: see RFC 9112 9.6, which is no different here.
    wire_.end_output();
    close_exchanges();
    arm(client::Limit::linger);
    (void)set_interest(EPOLLIN);
}

// No stream of another kind is there, nor comes.
bool Http2Connection::taken_over() {
    Exchange* next = exchanges_.first();
    while (next != nullptr && (next->over() || next->lent())) next = exchanges_.after(*next);
    return drained_ && next == nullptr;
}

// Until it was told of the end, a request of its may be on the way.
bool Http2Connection::quiet() const {
    return ended_ || (drained_ && exchanges_.empty() && wire_.empty());
}

}  // namespace mew::front
