#pragma once
// A client's connection in a front: its socket, its codec, and the exchanges on it. It outlives
// workers: they get whole requests and give answers, and never see it.
//
//   reading heads and bodies | waiting for answers | sending > [draining] | lingering > gone
//
// What it waits for follows from what there is: a head begun, a body awaited, bytes unsent, or
// nothing (an idle connection costs a socket and this object). One time limit watches the most
// pressing of these.
//
// connection.cc: inward. connection_send.cc: outward and the end. connection_limits.cc: refusals
// and time limits.

#include <cstdint>
#include <memory>
#include <string>

#include "base/intrusive_list.h"
#include "client/body_limit.h"
#include "client/peer.h"
#include "front/context.h"
#include "front/exchange.h"
#include "front/outbox.h"
#include "http/codec.h"
#include "http/exchange.h"

namespace mew::front {

class Connection final : public net::EventHandler,
                         public client::Timed,
                         public base::ListNode<RegistryTag>,
                         private http::StreamEvents {
public:
    Connection(Context& context, os::Fd socket, client::PeerText peer, std::uint32_t listener,
               std::unique_ptr<http::Codec> codec);
    ~Connection() override;

    void open();
    void on_event(std::uint32_t events) override;
    void on_limit(client::Limit limit) override;
    void close();

    // --- by its exchanges
    http::Codec& codec() { return *codec_; }
    const http::Peer& peer() const { return peer_; }
    // Never waits; what the socket does not take is kept. Once the client is gone it does nothing.
    void send(std::string_view first, std::string_view second);
    bool has_room(bool stream) const { return outbox_.has_room(stream); }
    // The exchange has its answer, whole or not; it lives to the end of the event.
    void on_over(Exchange& exchange);
    // Its body has room again.
    void read_on();
    // An exchange may have more to send.
    void go_on();
    // An exchange has more to send, and lets others have their turn: go_on() follows.
    void send_on();
    // To the app of its only exchange: after lend() nothing is read or sent here until that is
    // over, and then the connection ends.
    bool may_be_lent() const;
    int socket() const { return socket_.get(); }
    std::string_view behind() const { return held_; }  // received behind the request
    void lend();

    // --- at a stop
    // Between requests, and no byte of a next one is there?
    bool quiet() const;
    // Refuses a request that is not whole; no worker has seen it.
    void give_up_half_sent();

private:
    void on_head(http::StreamId stream, http::RequestHead& head) override;
    void on_body(http::StreamId stream, std::string_view piece) override;
    void on_body_end(http::StreamId stream) override;
    void on_refusal(http::StreamId stream, const http::Refusal& refusal) override;

    void receive();
    void on_end_of_input();
    bool end_half_sent();
    void process(std::string_view bytes);
    bool decode(std::string_view& bytes);
    bool take_proxy_header(std::string_view& bytes);
    void own_heads();
    void dispatch_ready();
    Exchange* find(http::StreamId stream);
    Exchange* awaiting_body();
    void settle();
    void await();
    void watch();
    void set_interest(std::uint32_t events);

    void resume_sending();
    void on_sent();
    void go_on_with_answers();
    bool slow_reader() const;
    void end_connection();
    void start_lingering();
    void drop_received();

    void refuse_now(int status, std::string_view reason);
    void answer_refusal(const http::Refusal& refusal);
    void on_body_limit();
    void arm(client::Limit limit);
    client::BodyFault body_fault(const Exchange& exchange) const;

    Context& context_;
    os::Fd socket_;
    std::unique_ptr<http::Codec> codec_;
    Outbox outbox_;
    client::PeerText peer_text_;
    http::Peer peer_;
    base::IntrusiveList<Exchange, StreamTag> exchanges_;
    std::uint32_t interest_ = 0;
    bool on_unix_socket_;
    bool proxy_header_due_;  // a balancer's, before anything else
    bool processing_ = false;
    bool refused_ = false;
    bool received_any_ = false;
    bool input_ended_ = false;  // the client sends nothing more
    bool closing_ = false;      // ends once all is sent
    bool reset_ = false;        // and not as if it were well
    bool draining_ = false;     // the rest of a body that nobody reads
    bool lingering_ = false;
    bool lent_ = false;
    bool sends_on_ = false;
    bool gone_ = false;
    bool client_ends_ = false;
    http::Refusal refusal_;
    std::uint64_t dropped_ = 0;
    std::string held_;  // received, not decoded yet
    client::BodyLimit body_limit_;
    client::Pace send_pace_;
};

}  // namespace mew::front
