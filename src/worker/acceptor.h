#pragma once
// One listening socket in one worker's loop. All workers watch the same inherited socket with
// EPOLLEXCLUSIVE, so a connection wakes one of them; each wake-up accepts one connection, and every
// few accepts the listener is taken out and put back, which moves this worker to the end of the
// kernel's queue of waiters: else the first of them is woken nearly always.

#include "net/event_loop.h"
#include "worker/context.h"

namespace mew::worker {

class Acceptor final : public net::EventHandler {
public:
    Acceptor(Context& context, std::uint32_t listener);
    ~Acceptor() override;

    base::Result<void> start();
    void stop();
    void on_event(std::uint32_t events) override;

private:
    void pause(int error);

    Context& context_;
    std::uint32_t listener_;
    int fd_;
    bool watching_ = false;
    unsigned accepts_ = 0;
    net::TimerId resume_timer_ = 0;
};

}  // namespace mew::worker
