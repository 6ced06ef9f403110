#pragma once
// A client's connection as its exchanges see it, whatever the protocol. It outlives workers: they
// get whole requests and give answers, and never see it. Http1Connection and Http2Connection are
// the two there are.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/intrusive_list.h"
#include "client/body_limit.h"
#include "client/own_answer.h"
#include "front/client_socket.h"
#include "front/exchange.h"
#include "front/tls_variables.h"
#include "http/codec.h"
#include "http/exchange.h"

namespace mew::front {

class Connection : public ClientSocket, protected http::StreamEvents {
public:
    Connection(Context& context, Wire wire, const client::PeerText& peer, std::uint32_t listener);

    virtual http::Codec& codec() = 0;
    const http::Peer& peer() const { return peer_; }
    bool secure() const { return wire_.secure(); }
    // Of each answer; empty: none.
    std::string_view transport_security() const {
        return secure() ? context_.settings.transport_security : std::string_view();
    }
    client::OwnAnswer own_answer(int status, bool close_after) const {
        return {status, close_after, 0, transport_security()};
    }

    // --- by its exchanges. None of these waits; once the client is gone they do nothing.
    // What was encoded into context.out goes, and it is empty then.
    virtual void flush() = 0;
    // The same, and `bytes` behind it, from where they lie. Only where push() says so.
    virtual void send(std::string_view bytes) = 0;
    // Do bytes go to the socket as they are encoded? Else the codec keeps them until they may go,
    // and takes only as many as room_now().
    virtual bool pushes() const = 0;
    virtual std::size_t room_now(const Exchange& exchange) const = 0;
    // Bytes of a body that may come although nobody has room for them.
    virtual std::size_t comes_anyway() const = 0;
    // May an answer go on, into buffers of the connection's?
    virtual bool has_room(bool stream) const = 0;
    // The exchange has its answer, whole or not; it lives to the end of the event at least.
    virtual void on_over(Exchange& exchange) = 0;
    // More of its body has a place again.
    virtual void on_body_room(Exchange& exchange) = 0;
    // Exchanges may have more to send.
    virtual void go_on() = 0;
    // An exchange has more to send, and lets others have their turn: go_on() follows.
    virtual void send_on() = 0;
    // One of its limits of time is over.
    virtual void on_exchange_limit(Exchange& exchange, client::Limit limit) = 0;

    // To the app of its only exchange: after lend() nothing is read or sent here until that is
    // over, and then the connection ends.
    virtual bool may_be_lent() const { return false; }
    virtual std::string_view behind() const { return {}; }  // received behind the request
    virtual void lend() {}
    // The same by a relay: what comes is the relay's.
    virtual void begin_relay(Relay& /*relay*/) {}
    // The app sends nothing more; `wholly`: nor does it read.
    virtual void end_output(Exchange& /*exchange*/, bool /*wholly*/) {}
    // Has the socket taken all that there was?
    bool all_sent() const { return wire_.empty(); }
    int socket() const { return wire_.socket(); }

protected:
    void close_exchanges();
    Exchange* find(http::StreamId stream);
    // Those whose request is whole, or as much of it as is awaited.
    void dispatch_ready();
    Exchange& add_exchange(http::StreamId stream, http::RequestHead& head);
    // A body's time is over: which of its limits it was that fired.
    client::BodyFault count_body_fault(client::BodyFault fault);
    // Ends an exchange that is over.
    void drop(Exchange& exchange);

    http::Peer peer_;
    base::IntrusiveList<Exchange, StreamTag> exchanges_;

private:
    // Of requests that no app is asked about. False: this is none.
    bool answer_without_app(Exchange& exchange);
    std::string https_uri(const http::RequestHead& head) const;
    void add_tls_variables(http::RequestHead& head);

    std::unique_ptr<TlsVariables> tls_variables_;
};

}  // namespace mew::front
