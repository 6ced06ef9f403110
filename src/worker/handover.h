#pragma once
// Connections that outlive their worker: one that retires, or whose cores are all busy, sends a
// connection (its descriptor, the bytes that were received but not answered) through a SEQPACKET
// pair that the whole tree shares, and any serving worker with a free core takes it up. The client
// notices nothing.
//
//   packet: Header | unread bytes      ancillary: one descriptor (SCM_RIGHTS)
//
// A packet without a descriptor is a kick: somebody may wait at the listening sockets, and the
// wake-up went to a worker that had no use for it.
//
// The pair is a queue as well: what nobody has time for waits in it, first come first served.

#include <array>
#include <cstdint>
#include <functional>
#include <string_view>

#include "net/event_loop.h"
#include "worker/context.h"

namespace mew::worker {

// Hands `connection` on. False: the pair is full just now and nothing happened.
bool hand_over(Context& context, Connection& connection);
// The same for a socket that was accepted and is nobody's connection yet.
bool hand_over(Context& context, int socket, std::uint32_t listener);
// Asks the others to look at the listening sockets; again in a while where the pair is full.
void kick_later(Context& context);

// The taking end, in the loop of a serving worker.
class HandoverTaker final : public net::EventHandler {
public:
    HandoverTaker(Context& context, int fd, std::function<void()> look_at_listeners)
        : context_(context), fd_(fd), look_at_listeners_(std::move(look_at_listeners)) {}
    ~HandoverTaker() override { stop(); }

    base::Result<void> start();
    void stop();
    void on_event(std::uint32_t events) override;

private:
    Context& context_;
    int fd_;
    std::function<void()> look_at_listeners_;
    bool watching_ = false;
};

}  // namespace mew::worker
