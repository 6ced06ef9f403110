#pragma once
// One listening socket in one front's loop. All fronts watch it with EPOLLEXCLUSIVE; each wake-up
// takes what there is, up to a bound, since a connection costs little until it asks for something.

#include <sys/socket.h>

#include <cstdint>

#include "front/context.h"
#include "os/fd.h"

namespace mew::front {

class Acceptor final : public net::EventHandler {
public:
    // `fd` is a copy of the master's, which stays open.
    Acceptor(Context& context, std::uint32_t listener, int fd)
        : context_(context), listener_(listener), fd_(fd) {}
    ~Acceptor() override { stop(); }

    base::Result<void> start();
    void stop();
    void on_event(std::uint32_t events) override;

private:
    bool accept_one();
    bool make_room();
    void pause(int error);

    Context& context_;
    std::uint32_t listener_;
    int fd_;
    bool watching_ = false;
    net::TimerId resume_timer_ = 0;
};

}  // namespace mew::front
