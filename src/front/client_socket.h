#pragma once
// Whatever has a client's socket in a front's loop: a connection of some protocol, or what comes
// before it (greeting). On the front's list of all of them, counted, and let go of by name.

#include <cstdint>

#include "base/intrusive_list.h"
#include "client/peer.h"
#include "front/context.h"
#include "front/wire.h"

namespace mew::front {

class ClientSocket : public net::EventHandler,
                     public client::Timed,
                     public base::ListNode<RegistryTag> {
public:
    ClientSocket(Context& context, Wire wire, const client::PeerText& peer, std::uint32_t listener);
    ~ClientSocket() override;

    // Ends it at once; it lives to the end of the event.
    virtual void close() = 0;

    // --- at a stop
    // Other fronts take its listener over, or nobody does: no new requests.
    virtual void drain() {}
    // Between requests, and no byte of a next one is there?
    virtual bool quiet() const = 0;
    // A worker has taken it over: it ends when that does, and asks for nothing else.
    virtual bool taken_over() { return false; }
    // Refuses a request that is not whole; no worker has seen it.
    virtual void give_up_half_sent() = 0;

protected:
    // False: it is over.
    bool set_interest(std::uint32_t events);
    void arm(client::Limit limit);
    // The last step of close(): false, if it was taken before.
    bool begin_close();
    void end_close();
    bool gone() const { return gone_; }

    Context& context_;
    Wire wire_;
    client::PeerText peer_text_;
    std::uint32_t listener_;

private:
    std::uint32_t interest_ = 0;
    bool gone_ = false;
};

}  // namespace mew::front
