#pragma once
// A WebSocket behind its opening handshake, in the loop: its socket, its codec, what is still to be
// sent, pings and time limits. Whoever uses it hears whole messages and, once, its end; it lives on
// by itself until both sides have closed.
//
//   open > closing (our close frame is out) > lingering (both are; the client closes TCP) > gone

#include <memory>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "client/deadlines.h"
#include "client/pace.h"
#include "net/event_loop.h"
#include "os/fd.h"
#include "websocket/codec.h"
#include "worker/context.h"

namespace mew::worker {

class WebSocketUser {
public:
    // Borrowed until it returns.
    virtual void on_message(websocket::Kind kind, std::string_view message) = 0;
    // Nothing more comes, and what is sent from now on is dropped. 1006: no close frame came.
    virtual void on_closed(std::uint16_t code, std::string_view reason) = 0;
    // congested() is over.
    virtual void on_room() = 0;
    // Has it messages that it has not looked at? An end that came right behind them is told a
    // moment after it has (resume()): what they ask for can still be sent.
    virtual bool has_pending() = 0;

protected:
    ~WebSocketUser() = default;
};

struct WebSocketTag;

class WebSocket final : public net::EventHandler,
                        public Timed,
                        public base::ListNode<WebSocketTag>,
                        private websocket::Events {
public:
    // Takes the socket (non-blocking) over; deletes itself when it is gone.
    WebSocket(Context& context, os::Fd socket, const websocket::Settings& settings,
              WebSocketUser& user);
    ~WebSocket() override;

    // Sends the head of the handshake's answer, and takes what came behind the request; before
    // anything else, once.
    void open(std::string_view head, std::string_view unread);
    void send(websocket::Kind kind, std::string_view message);
    void close(std::uint16_t code, std::string_view reason);
    // Does more wait for the client than is good? True: on_room() follows.
    bool congested();
    // No messages for now, and again.
    void pause();
    void resume();
    // Nobody listens any more.
    void forget_user() { user_ = nullptr; }

    void on_event(std::uint32_t events) override;
    void on_limit(Limit limit) override;

private:
    enum class State : std::uint8_t { open, closing, lingering, gone };

    void on_message(websocket::Kind kind, std::string_view message) override;
    void on_close(std::uint16_t code, std::string_view reason) override;
    void on_failure(const websocket::Failure& failure) override;

    void receive();
    void take(char* bytes, std::size_t size);
    std::size_t decode(char* bytes, std::size_t size);
    void await_user();
    void tell_held_end();
    void flush(std::string_view bytes);
    void send_more();
    void settle();
    void watch();
    void arm();
    void tell_end(std::uint16_t code, std::string_view reason);
    void lose(std::uint16_t code, std::string_view reason);
    void end();

    Context& context_;
    os::Fd socket_;
    websocket::Codec codec_;
    WebSocketUser* user_;
    SendQueue queue_;
    std::string held_;  // received, not decoded: the user is to look at what came first
    std::size_t held_at_ = 0;
    net::TimerId end_timer_ = 0;  // the codec holds an end
    std::uint32_t interest_ = 0;
    State state_ = State::open;
    bool paused_ = false;
    bool told_end_ = false;
    bool wants_room_ = false;
    bool awaits_pong_ = false;
    bool decoding_ = false;
};

}  // namespace mew::worker
