#pragma once
// A call of an ASGI app for one WebSocket (ASGI's WebSocket specification 2.4, with denial
// responses).
//
//   connecting > accepting (the connection is on its way from a front) > open > over
//       \--> denying (websocket.http.response.*) > over

#include <deque>
#include <string>

#include "http/response_head.h"
#include "python/asgi_call.h"
#include "websocket/handshake.h"
#include "worker/websocket.h"

namespace mew::python {

// What the options say, for all of them.
struct WebSocketSettings {
    worker::Context* context = nullptr;
    std::size_t message_bytes = std::size_t{16} << 20;
    bool deflate = true;
};

class WebSocketCall final : public AsgiCall, public worker::WebSocketUser {
public:
    // `offer` is of the exchange's head.
    WebSocketCall(AsgiHost& host, const WebSocketSettings& settings, const websocket::Offer& offer);
    ~WebSocketCall() override;

    PyRef next_event() override;
    bool take_message(PyObject* message) override;
    bool must_wait() override;
    void run_out_of_time() override;

    // --- of the exchange
    void on_body() override {}
    void on_room() override;
    void on_gone() override;

    // --- of the WebSocket
    void on_message(websocket::Kind kind, std::string_view message) override;
    void on_closed(std::uint16_t code, std::string_view reason) override;
    bool has_pending() override;

protected:
    void on_app_end(bool raised) override;
    void recycle() override { delete this; }

private:
    enum class State : std::uint8_t { connecting, accepting, denying, open, over };
    struct Message {
        websocket::Kind kind;
        std::string text;
    };

    PyRef connect_event();
    PyRef message_event();
    PyRef disconnect_event();
    bool take_accept(PyObject* message);
    bool take_send(PyObject* message);
    bool take_close(PyObject* message);
    bool take_denial_start(PyObject* message);
    bool take_denial_body(PyObject* message);
    bool read_subprotocol(PyObject* message);
    void accept();
    void make_head(std::string& head);
    bool refuse(PyObject* type);

    const WebSocketSettings& settings_;
    std::string key_;
    std::optional<websocket::Deflate> deflate_;
    std::string subprotocol_;
    State state_ = State::connecting;
    bool told_connect_ = false;
    bool told_disconnect_ = false;
    worker::WebSocket* websocket_ = nullptr;
    std::deque<Message> messages_;
    std::size_t message_bytes_ = 0;
    std::uint16_t code_ = websocket::close_code::kAbnormal;  // once over
    std::string reason_;
    http::ResponseHead head_;  // of the handshake's answer, or of a denial
    std::vector<PyRef> keep_;  // what its views point into
};

}  // namespace mew::python
