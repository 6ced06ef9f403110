#pragma once
// An HTTP/1.1 connection of a front: one exchange at a time, in order.
//
//   reading heads and bodies | waiting for answers | sending > [draining] | lingering > gone
//
// What it waits for follows from what there is: a head begun, a body awaited, bytes unsent, or
// nothing (an idle connection costs a socket and this object). One time limit watches the most
// pressing of these.
//
// http1_connection.cc: inward. http1_connection_send.cc: outward and the end.
// http1_connection_limits.cc: refusals and time limits.

#include <cstdint>
#include <memory>
#include <string>

#include "client/body_limit.h"
#include "front/connection.h"

namespace mew::front {

class Http1Connection final : public Connection {
public:
    Http1Connection(Context& context, Wire wire, const client::PeerText& peer,
                    std::uint32_t listener);

    // `bytes`: what was received of it already.
    void open(std::string_view bytes);
    void on_event(std::uint32_t events) override;
    void on_limit(client::Limit limit) override;
    void close() override;

    http::Codec& codec() override { return *codec_; }
    void flush() override;
    void send(std::string_view bytes) override;
    bool pushes() const override { return true; }
    std::size_t room_now(const Exchange&) const override { return SIZE_MAX; }
    std::size_t comes_anyway() const override { return 0; }  // it is not read
    bool has_room(bool stream) const override { return wire_.has_room(stream); }
    void on_over(Exchange& exchange) override;
    void on_body_room(Exchange& exchange) override;
    void go_on() override;
    void send_on() override;
    void on_exchange_limit(Exchange& exchange, client::Limit limit) override;
    bool may_be_lent() const override;
    std::string_view behind() const override { return held_; }
    void lend() override;
    void begin_relay(Relay& relay) override;
    void end_output(Exchange& exchange, bool wholly) override;

    bool quiet() const override;
    bool taken_over() override { return lent_ || relayed_; }
    void give_up_half_sent() override;

private:
    void on_head(http::StreamId stream, http::RequestHead& head) override;
    void on_body(http::StreamId stream, std::string_view piece) override;
    void on_body_end(http::StreamId stream) override;
    void on_refusal(http::StreamId stream, const http::Refusal& refusal) override;

    void receive();
    void relay(std::string_view bytes);
    void on_end_of_input();
    bool end_half_sent();
    void process(std::string_view bytes);
    bool decode(std::string_view& bytes);
    void own_heads();
    Exchange* awaiting_body();
    void settle();
    void await();
    void watch();

    void put(std::string_view first, std::string_view second);
    void resume_sending();
    bool slow_reader() const;
    void end_connection();
    void start_lingering();
    void drop_received();

    void refuse_now(int status, std::string_view reason);
    void answer_refusal(const http::Refusal& refusal);
    void on_body_limit();
    client::BodyFault body_fault(const Exchange& exchange) const;

    std::unique_ptr<http::Codec> codec_;
    bool on_unix_socket_;
    bool processing_ = false;
    bool refused_ = false;
    bool received_any_ = false;
    bool input_ended_ = false;  // the client sends nothing more
    bool closing_ = false;      // ends once all is sent
    bool reset_ = false;        // and not as if it were well
    bool draining_ = false;     // the rest of a body that nobody reads
    bool lingering_ = false;
    bool lent_ = false;
    bool relayed_ = false;
    bool output_ends_ = false;  // once all is sent
    bool sends_on_ = false;
    bool client_ends_ = false;
    http::Refusal refusal_;
    std::uint64_t dropped_ = 0;
    std::string held_;  // received, not decoded yet
    client::BodyLimit body_limit_;
    client::Pace send_pace_;
};

}  // namespace mew::front
