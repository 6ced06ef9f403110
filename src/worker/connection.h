#pragma once
// A client connection on the direct way: one socket, its codec, and the exchange in progress.
//
//   idle > receiving > (answering) > [sending] > [draining] > idle ...      any > lingering > gone
//
// Nothing of the app is occupied while a connection is idle, slow or half sent: the app is called
// when the head and the awaited part of the body are there. An idle connection costs a socket and
// this object; its receive buffer is the worker's, and only what a client left half sent is kept.
// A connection is a descriptor plus unread bytes, and may move to another worker (worker/handover).

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/codec.h"
#include "net/event_loop.h"
#include "os/fd.h"
#include "worker/context.h"
#include "worker/deadlines.h"
#include "worker/peer.h"
#include "worker/send_queue.h"
#include "worker/stream.h"

namespace mew::worker {

// Bytes of one connection that are read only to be dropped, before it is given up.
inline constexpr std::uint64_t kDropBound = 1U << 20;

class Connection final : public net::EventHandler,
                         public Timed,
                         public base::ListNode<RegistryTag>,
                         public base::ListNode<RunnableTag>,
                         private http::StreamEvents {
public:
    Connection(Context& context, os::Fd socket, PeerText peer, std::uint32_t listener,
               std::unique_ptr<http::Codec> codec);
    ~Connection() override;

    // Takes up service; `unread` are bytes that another worker had received already.
    void open(std::string_view unread);

    // --- called by the loop and the deadlines
    void on_event(std::uint32_t events) override;
    void on_limit(Limit limit) override;
    void run_further();

    // --- called by the worker when it retires
    // May it move now? Not in the middle of an exchange, of sending, or of a body.
    bool movable() const {
        return !stream_.open() && (state_ == State::idle || state_ == State::receiving);
    }
    // May it be closed without loss: between requests, and no byte of a next one is there?
    bool quiet() const;
    int socket() const { return socket_.get(); }
    std::string_view unread() const { return held_; }
    std::uint32_t listener() const { return peer_.listener; }
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

    void on_head(http::StreamId stream, http::RequestHead& head) override;
    void on_body(http::StreamId stream, std::string_view piece) override;
    void on_body_end(http::StreamId stream) override;
    void on_refusal(http::StreamId stream, const http::Refusal& refusal) override;

    void receive();
    void on_end_of_input();
    void process(std::string_view bytes);
    bool process_step(std::string_view& bytes);
    void keep(std::string_view bytes);
    void await_more();
    void run_exchange(std::string_view& bytes);
    void count_exchange(base::MonotonicTime started);
    void write_access_line(std::uint64_t micros);
    void answer_refusal(const http::Refusal& refusal);
    void settle();
    void resume_sending();
    bool finish_file();
    void become_idle();
    void end_connection();
    void start_lingering();
    void drop_received();
    void time_out(std::string_view what);
    void refuse_now(int status, std::string_view reason);
    void set_interest(std::uint32_t events);
    enum class Wait : std::uint8_t { ready, timeout, broken };
    Wait wait(short events, Limit limit);

    Context& context_;
    os::Fd socket_;
    std::unique_ptr<http::Codec> codec_;
    Stream stream_;
    SendQueue queue_;
    PeerText peer_text_;
    http::Peer peer_;
    State state_ = State::idle;
    std::uint32_t interest_ = 0;
    bool refused_ = false;  // the codec refused; not yet answered
    bool closing_ = false;  // ends once what is queued was sent
    bool received_any_ = false;
    bool client_ends_ = false;  // it asked for the end: nothing more comes from it
    bool drain_body_ = false;   // body is left to drop once the queue is sent
    http::Refusal refusal_;
    std::uint64_t dropped_ = 0;  // body bytes dropped after the answer, or while lingering
    std::string held_;           // received, not decoded yet
};

}  // namespace mew::worker
