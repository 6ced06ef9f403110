#pragma once
// The front's end of a connection that an app took over and that its worker cannot have as it is:
// over TLS, or a stream of HTTP/2. The worker has the other end of a pair of sockets, and bytes are
// relayed. One for each such exchange, which owns it.
//
//   client > take() > [waiting] > the pair > worker      worker > the pair > Exchange > client
//
// Bounded both ways: the exchange's connection reads no more from its client while anything waits
// (HTTP/2: gives no credit), and nothing is read from the pair while the client's side has no room.
// Either side may end its half; the relay is over once the worker has closed its end, or both have
// ended theirs. What the worker sends is believed no more than what a client sends.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "front/context.h"

namespace mew::front {

class Exchange;

class Relay final : private net::EventHandler {
public:
    Relay(Context& context, Exchange& exchange) : context_(context), exchange_(exchange) {}
    ~Relay() override { close(); }

    // The worker's end; ours is watched from here on.
    base::Result<os::Fd> open();

    // --- from the client; before open() it waits
    void take(std::string_view bytes);
    // It sends nothing more.
    void end_input();
    bool full() const { return !waiting_.empty(); }
    // Bytes that went on since the last time.
    std::uint64_t take_credit() { return std::exchange(passed_on_, 0); }

    // --- from the worker
    // The client's side may have room again.
    void resume();
    // Nothing more of the worker's counts; what it has sent does.
    void hang_up();
    // The start of what the worker sends, for as long as its head is not whole.
    std::string& gathered() { return gathered_; }
    // Over, whatever waits. Nothing is called any more.
    void close();

private:
    void on_event(std::uint32_t events) override;
    void receive();
    void flush();
    void send(std::string_view bytes);
    bool is_over() const;
    void watch();
    bool set_interest(std::uint32_t events);

    Context& context_;
    Exchange& exchange_;
    os::Fd socket_;
    std::uint32_t interest_ = 0;
    std::string waiting_;  // the client's, for the worker
    std::string gathered_;
    std::uint64_t passed_on_ = 0;
    bool client_ended_ = false;
    bool input_shut_ = false;    // and the worker was told, or hears nothing any more
    bool worker_ended_ = false;  // what it sent is read to its end
    bool worker_gone_ = false;   // it closed its end
    bool paused_ = false;        // the client's side had no room
};

}  // namespace mew::front
