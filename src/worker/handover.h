#pragma once
// Connections that outlive their worker: one that retires, or whose cores are all busy, sends a
// connection (its descriptor, the bytes that were received but not answered) through a SEQPACKET
// pair that the whole tree shares, and any serving worker with a free core takes it up. The client
// notices nothing.
//
//   packet: Header | unread bytes      ancillary: one descriptor (SCM_RIGHTS)
//
// The pair is a queue as well: what nobody has time for waits in it, first come first served.

#include <array>
#include <cstdint>
#include <string_view>

#include "net/event_loop.h"
#include "worker/context.h"

namespace mew::worker {

// Hands `connection` on. False: the pair is full just now and nothing happened.
bool hand_over(Context& context, Connection& connection);
// The same for a socket that was accepted and is nobody's connection yet.
bool hand_over(Context& context, int socket, std::uint32_t listener);

// The taking end, in the loop of a serving worker.
class HandoverTaker final : public net::EventHandler {
public:
    HandoverTaker(Context& context, int fd) : context_(context), fd_(fd) {}
    ~HandoverTaker() override { stop(); }

    base::Result<void> start();
    void stop();
    void on_event(std::uint32_t events) override;

private:
    Context& context_;
    int fd_;
    bool watching_ = false;
};

}  // namespace mew::worker
