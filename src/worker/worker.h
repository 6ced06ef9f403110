#pragma once
// A worker's native half: the loop, its listeners and connections, the orders of the master. Runs
// in a process that the zygote forked; python/serve owns it and gives it the app as a bridge.
//
//   waiting --serve--> serving --retire--> retiring | stopping --(no connection left)--> done
//
// The end of the control socket means that the master is gone: then this process ends at once.

#include <memory>
#include <vector>

#include "control/message.h"
#include "net/event_loop.h"
#include "options/options.h"
#include "worker/acceptor.h"
#include "worker/context.h"
#include "worker/handover.h"

namespace mew::worker {

Settings settings_from(const options::Options& options, std::vector<net::ListenerInfo> listeners);

struct Wiring {
    int control_fd = -1;
    int handover_fd = -1;       // to hand connections on
    int handover_take_fd = -1;  // to take them
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
};

class Worker final : private net::EventHandler {
public:
    Worker(const Settings& settings, const options::Options& options, stats::Slot& slot,
           http::AppBridge& bridge, Wiring wiring);
    ~Worker() override;

    base::Result<void> open();
    void set_wait_hooks(WaitHooks hooks);
    // Says ready, then answers requests until retired. `turn` runs once a turn and may stop it by
    // returning false.
    void run(bool (*turn)(void* context), void* turn_context);
    void stop() { loop_.stop(); }

private:
    void on_event(std::uint32_t events) override;
    void on_message(control::Message& message);
    void start_serving();
    void retire(std::uint32_t successor);
    void let_go();
    void run_runnable();
    void finish_turn();
    void reopen_log(control::Message& message);

    const Settings& settings_;
    base::SteadyClock clock_;
    net::EventLoop loop_;
    Context context_;
    Wiring wiring_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    HandoverTaker taker_;
    net::TimerId let_go_timer_ = 0;
    bool half_sent_grace_over_ = false;
};

}  // namespace mew::worker
