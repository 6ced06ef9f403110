#pragma once
// A client connection on the direct way: one socket, its codec, and the exchange in progress.
//
//   idle > receiving > (answering) > [sending] > [draining] > idle ...      any > lingering > gone
//
// Nothing of the app is occupied while a connection is idle, slow or half sent: the app is called
// when the head and the awaited part of the body are there, and a core is free. An idle connection
// costs a socket and this object; its receive buffer is the worker's, and only what a client left
// half sent is kept. A connection is a descriptor plus unread bytes, and may move to another worker
// (worker/handover).
//
// It belongs to whoever runs the loop, except while it is answering: then to the thread of the core
// that runs its exchange. The loop does no more with it meanwhile than to stop watching it.
//
// connection.cc: inward. connection_exchange.cc: the app's turn. connection_going_on.cc: an
// exchange that goes on beside others. connection_send.cc: outward and the end.
// connection_limits.cc: refusals and time limits.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "client/body_limit.h"
#include "client/deadlines.h"
#include "client/pace.h"
#include "client/peer.h"
#include "http/codec.h"
#include "net/event_loop.h"
#include "os/fd.h"
#include "worker/context.h"
#include "worker/job.h"
#include "worker/stream.h"

namespace mew::worker {

class Connection final : public net::EventHandler,
                         public Timed,
                         public base::ListNode<RegistryTag>,
                         public base::ListNode<RunnableTag>,
                         public Job,
                         private http::StreamEvents {
public:
    Connection(Context& context, os::Fd socket, PeerText peer, std::uint32_t listener,
               std::unique_ptr<http::Codec> codec);
    ~Connection() override;

    // Before open(), at the start of a connection: a PROXY header comes first, where its listening
    // socket expects one.
    void expect_proxy_header() {
        proxy_header_due_ = context_.settings.expects_proxy_header(peer_.listener);
    }
    // Before open(): who the client is, of which another worker has read already.
    void set_peer(const PeerText& peer);
    // Takes up service; `unread` are bytes that another worker had received already. `head_time`
    // is what is left of the time for the head in progress; zero: all of it.
    void open(std::string_view unread, base::Milliseconds head_time = base::Milliseconds{0});

    // --- called by the loop, the deadlines, and the list of runnable ones
    void on_event(std::uint32_t events) override;
    void on_limit(Limit limit) override;
    void run_further();
    // The exchange that a pool's thread ran, or that went on, is over.
    void on_core_done() override;
    void on_exchange_over() override { end_later(context_, *this); }

    // --- called on the thread of a core
    http::Ran run_app(Core& core) override;

    // --- called when it moves or its worker retires
    // May it move now? Not in the middle of an exchange, of sending, or of a body that cannot be
    // sent along.
    bool movable() const;
    // May it be closed without loss: between requests, and no byte of a next one is there?
    bool quiet() const;
    int socket() const { return socket_.get(); }
    // What was received and not answered: together the bytes that the next worker decodes anew.
    std::array<std::string_view, 3> unread() const;
    std::uint32_t listener() const { return peer_.listener; }
    // Nothing but a part of a PROXY header was read of it.
    bool proxy_header_due() const { return proxy_header_due_; }
    const PeerText& peer() const { return peer_text_; }
    base::Milliseconds head_time_left() const;
    // At a stop: refuses a request that is not whole; its app was never called.
    void give_up_half_sent();
    void close();

    // --- called by the stream
    http::Codec& codec() { return *codec_; }
    // Both: false if the client is gone or read nothing for too long.
    bool send(std::string_view first, std::string_view second);
    bool send_file(int fd, std::uint64_t offset, std::uint64_t size);
    // Waits for bytes of the body and decodes them; failure is told to the stream.
    void receive_body();
    // Lends the socket to the app; close() is all that may follow.
    base::Result<http::Detached> detach(http::Detach how);
    // --- where the exchange goes on, and nothing may wait
    // More of the body is awaited: the stream is told of it.
    void want_body();
    // Has the client more to take than is good? Then it is news when it has not.
    bool congested();

private:
    enum class State : std::uint8_t {
        idle,       // between requests
        receiving,  // part of a head or of the awaited body is there
        answering,  // the app runs
        sending,    // answered; the socket does not take it all yet
        draining,   // answered; the rest of the body is dropped
        lingering,  // sending side closed; reads until the client closes too
        gone,
    };
    // What a step of process() came to.
    enum class Step : std::uint8_t { again, wait, handed_on };

    void on_head(http::StreamId stream, http::RequestHead& head) override;
    void on_body(http::StreamId stream, std::string_view piece) override;
    void on_body_end(http::StreamId stream) override;
    void on_refusal(http::StreamId stream, const http::Refusal& refusal) override;
    void on_reply(std::string_view bytes, bool ends) override;

    void receive();
    void on_end_of_input();
    void process(std::string_view bytes);
    Step process_step(std::string_view& bytes);
    bool take_proxy_header(std::string_view& bytes);
    void await_more();
    void await_body();
    void wait_for_core();
    void watch(std::uint32_t events);
    void unwatch();

    void watch_exchange();
    void on_exchange_event(std::uint32_t events);
    bool send_more();
    void receive_more_body();
    void decode_body(std::string_view bytes);
    void tell_body();
    void lose_client();
    void stop_going_on();
    void on_exchange_limit(Limit limit);

    Step run_exchange(std::string_view& bytes);
    void take_core();
    void finish_exchange();
    void count_limits();
    void settle();
    void become_idle();

    void resume_sending();
    bool finish_file();
    void end_connection();
    void end_by_reset();
    void start_lingering();
    void drop_received();
    enum class Wait : std::uint8_t { ready, timeout, broken };
    Wait wait(short events, Limit limit);
    bool await_reader();
    bool slow_reader(base::MonotonicTime now) const;

    void refuse_now(int status, std::string_view reason);
    void answer_refusal(const http::Refusal& refusal);
    void on_body_limit();
    void time_out(client::BodyFault fault);
    void give_up_sending(std::string_view why);
    client::BodyFault slow_body(base::MonotonicTime now) const;
    bool await_body_in_call();

    Context& context_;
    os::Fd socket_;
    std::unique_ptr<http::Codec> codec_;
    Stream stream_;
    SendQueue queue_;
    PeerText peer_text_;
    http::Peer peer_;
    std::optional<http::Exchange> exchange_;  // while the app has it
    State state_ = State::idle;
    std::uint32_t interest_ = 0;  // 0: the loop does not watch it
    bool on_unix_socket_;
    bool proxy_header_due_ = false;
    bool refused_ = false;  // the codec refused; not yet answered
    bool closing_ = false;  // ends once what is queued was sent
    bool replied_ = false;  // to what was no request
    bool reset_ = false;    // the end must not look like one: the answer broke
    bool received_any_ = false;
    bool client_ends_ = false;  // it asked for the end: nothing more comes from it
    bool goes_on_ = false;      // the exchange, after the app's first turn
    bool wants_body_ = false;   // it does, and is told of more
    bool wants_room_ = false;   // it was told that the client has more to take than is good
    bool given_away_ = false;   // the socket is somebody else's
    bool drain_body_ = false;   // body is left to drop once the queue is sent
    http::Refusal refusal_;
    std::uint64_t dropped_ = 0;  // body bytes dropped after the answer, or while lingering
    std::string held_;           // received, not decoded yet
    client::BodyLimit body_limit_;
    Pace send_pace_;
    std::string_view behind_;  // while the app runs: what was received behind its request
};

}  // namespace mew::worker
