#pragma once
// An HTTP/2 connection of a front: many exchanges at a time, each of them for whichever worker is
// free. What its exchanges encode leaves once a turn of the loop, all of it in one write, as flow
// control, priorities and the socket let it.
//
//   serving > draining (GOAWAY) > ending > gone
//
// Limits of time: the connection's while it has no stream, or its socket takes nothing; a stream's
// while its body is awaited, or its answer waits for the peer's credit.

#include <memory>

#include "front/connection.h"
#include "http2/codec.h"

namespace mew::front {

class Http2Connection final : public Connection, public base::ListNode<UnsentTag> {
public:
    Http2Connection(Context& context, Wire wire, const client::PeerText& peer,
                    std::uint32_t listener);

    // `bytes`: what was received of it already.
    void open(std::string_view bytes);
    void on_event(std::uint32_t events) override;
    void on_limit(client::Limit limit) override;
    void close() override;
    // What may leave does.
    void send_pending();
    // Those of all connections that have anything, once a turn of the loop.
    static void send_all_pending(Context& context);

    http::Codec& codec() override { return codec_; }
    void flush() override;
    void send(std::string_view bytes) override;
    bool pushes() const override { return false; }
    std::size_t room_now(const Exchange& exchange) const override;
    std::size_t comes_anyway() const override { return context_.settings.http2.stream_window; }
    bool has_room(bool) const override { return true; }
    void on_over(Exchange& exchange) override;
    void on_body_room(Exchange& exchange) override;
    void go_on() override;
    void send_on() override { flush(); }
    void end_output(Exchange& exchange, bool wholly) override;
    void on_exchange_limit(Exchange& exchange, client::Limit limit) override;

    void drain() override;
    bool quiet() const override;
    bool taken_over() override;
    void give_up_half_sent() override;

private:
    void on_head(http::StreamId stream, http::RequestHead& head) override;
    void on_body(http::StreamId stream, std::string_view piece) override;
    void on_body_end(http::StreamId stream) override;
    void on_refusal(http::StreamId stream, const http::Refusal& refusal) override;
    void on_body_sent(http::StreamId stream, std::size_t size) override;
    void on_stream_end(http::StreamId stream, bool complete) override;

    void receive();
    void process(std::string_view bytes);
    void answer_refusals();
    void give_credit(Exchange& exchange);
    void resume_exchanges();
    void resume_sending();
    void settle();
    void await_exchange(Exchange& exchange);
    void on_body_limit(Exchange& exchange);
    void give_up_answer(Exchange& exchange);
    void leave();

    http2::Codec codec_;
    struct Refused {
        http::StreamId stream;
        http::Refusal refusal;
    };
    std::vector<Refused> refused_;  // while bytes are decoded
    bool processing_ = false;
    net::TimerId drain_timer_ = 0;
    bool draining_ = false;
    bool drained_ = false;
    bool ended_ = false;  // all is said; the rest is only read and dropped
};

}  // namespace mew::front
