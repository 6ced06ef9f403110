#pragma once
// The master's end of a control socket: receives in the event loop, sends without ever blocking.
// End of file, a foreign build and a broken packet all come out as on_peer_closed, once.

#include <string>

#include "control/message.h"
#include "net/event_loop.h"
#include "os/fd.h"

namespace mew::master {

class PeerOwner {
public:
    virtual ~PeerOwner() = default;
    virtual void on_message(control::Message& message) = 0;
    // `reason` is empty for a plain end of file.
    virtual void on_peer_closed(const std::string& reason) = 0;
};

class Peer final : public net::EventHandler {
public:
    // `build` is that of the other side: ours, or, after an upgrade, the one before.
    Peer(net::EventLoop& loop, os::Fd fd, PeerOwner& owner,
         std::uint64_t build = control::build_id())
        : loop_(loop), fd_(std::move(fd)), owner_(owner), build_(build) {}
    ~Peer() override { close(); }
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    base::Result<void> open();
    base::Result<void> send(const control::Message& message,
                            const std::vector<int>& descriptors = {});
    // Handles all that has arrived: what a child said before it died counts.
    void drain();
    void close();
    bool is_open() const { return fd_.valid(); }
    int fd() const { return fd_.get(); }
    std::uint64_t build() const { return build_; }

    void on_event(std::uint32_t events) override;

private:
    net::EventLoop& loop_;
    os::Fd fd_;
    PeerOwner& owner_;
    std::uint64_t build_;
};

}  // namespace mew::master
