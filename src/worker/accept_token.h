#pragma once
// thunder-lock as a token: of all workers, only the one that holds it has the listeners in its
// epoll; the others watch an eventfd, the bell, which whoever lets go of the token rings. It is let
// go before the app runs on what was accepted, and the master lets go of what a dead worker held,
// and rings (control/gate).

#include <functional>

#include "control/gate.h"
#include "net/event_loop.h"
#include "worker/context.h"

namespace mew::worker {

class AcceptToken final : private net::EventHandler {
public:
    // `take`, `let_go`: put the listeners into the loop, and take them out of it.
    AcceptToken(Context& context, control::Gate& gate, int bell, std::function<void()> take,
                std::function<void()> let_go)
        : context_(context),
          gate_(gate),
          bell_(bell),
          take_(std::move(take)),
          let_go_(std::move(let_go)) {}
    ~AcceptToken() override { stop(); }

    // Begins to wait for it; and neither has it nor waits.
    void start();
    void stop();
    // Lets the next one have it, and waits in line again.
    void pass_on();
    bool held() const { return held_; }

private:
    void on_event(std::uint32_t events) override;
    void release();
    void ring() const;

    Context& context_;
    control::Gate& gate_;
    int bell_;
    std::function<void()> take_;
    std::function<void()> let_go_;
    bool waiting_ = false;
    bool held_ = false;
};

}  // namespace mew::worker
