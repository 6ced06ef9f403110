#pragma once
// A listening socket in the loop of one of several processes that watch it: it wakes one of them
// (EPOLLEXCLUSIVE). What both ways in do with it; who is woken, and how many connections one
// wake-up takes, is theirs.

#include <sys/socket.h>

#include "client/deadlines.h"
#include "net/event_loop.h"
#include "os/fd.h"

namespace mew::client {

class Accepting : public net::EventHandler {
public:
    // `fd` is a copy of the master's, which stays open.
    Accepting(net::EventLoop& loop, Deadlines& deadlines, int fd)
        : loop_(loop), deadlines_(deadlines), fd_(fd) {}
    ~Accepting() override { stop(); }

    base::Result<void> start();
    void stop();

protected:
    bool watching() const { return watching_; }
    int fd() const { return fd_; }
    // The next connection, non-blocking; none: there is none. Out of descriptors, idle ones make
    // room for it, or this stops for a while.
    os::Fd accept(sockaddr_storage& from);

private:
    bool make_room();
    void pause(int error);

    net::EventLoop& loop_;
    Deadlines& deadlines_;
    int fd_;
    bool watching_ = false;
    net::TimerId resume_timer_ = 0;
};

}  // namespace mew::client
