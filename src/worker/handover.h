#pragma once
// Connections that outlive their worker: a retiring worker sends each idle one (its descriptor, the
// bytes that were received but not decoded) through a SEQPACKET pair that the whole tree shares,
// and any serving worker takes it up. The client notices nothing.
//
//   packet: Header | unread bytes      ancillary: one descriptor (SCM_RIGHTS)

#include <cstdint>
#include <string_view>

#include "net/event_loop.h"
#include "worker/context.h"

namespace mew::worker {

class Connection;

// Hands `connection` on. False: the pair is full just now and nothing happened.
bool hand_over(int pair_fd, Connection& connection);

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
