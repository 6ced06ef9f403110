#pragma once
// A worker's native half: the loop, its listeners and connections, the cores that run the app, the
// orders of the master. Runs in a process that the zygote forked; python/serve owns it and gives it
// the app as bridges, one for each core.
//
//   waiting [--check--> one request] --serve--> serving --retire--> retiring | stopping --(no
//   connection left)--> done
//
// The end of the control socket means that the master is gone: then this process ends at once.

#include <functional>
#include <memory>
#include <vector>

#include "control/gate.h"
#include "control/message.h"
#include "net/event_loop.h"
#include "options/options.h"
#include "worker/accept_token.h"
#include "worker/acceptor.h"
#include "worker/async_cores.h"
#include "worker/context.h"
#include "worker/handover.h"
#include "worker/inline_core.h"
#include "worker/mailboxes.h"
#include "worker/pool.h"
#include "worker/pulse.h"
#include "worker/rescue.h"

namespace mew::worker {

struct Wiring {
    int control_fd = -1;
    int handover_fd = -1;       // to hand connections on
    int handover_take_fd = -1;  // to take them
    int bell_fd = -1;           // thunder-lock: rung when its token is free
    control::Gate* gate = nullptr;
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
};

// What the language does around the worker's waits and calls.
struct LanguageHooks {
    WaitHooks wait;             // inline: around a wait of the loop, or of an exchange
    Pool::ThreadHooks threads;  // with a pool
    // Runs once a turn (inline), or when `interrupt_fd` is readable (with a pool: there the loop's
    // thread is outside the language); false: the worker must end.
    bool (*turn)(void* context) = nullptr;
    void* context = nullptr;
    int interrupt_fd = -1;
    // On a thread of its own, during a call that lasts: takes what the app's code needs to run, and
    // gives it back. Null: it needs nothing.
    void (*probe)(void* context) = nullptr;
    void* probe_context = nullptr;
};

class Worker final : private net::EventHandler {
public:
    // How the app runs: inline (one bridge), on a pool of threads (as many bridges), or going on:
    // the first bridge runs what does not occupy a thread, `cores` of them at once, and the others
    // are for a pool beside it.
    struct Running {
        std::vector<http::AppBridge*> bridges;
        int cores = 0;  // 0: nothing goes on
    };
    Worker(const Settings& settings, const options::Options& options, stats::Slot& slot,
           Running running, Wiring wiring);
    ~Worker() override;

    base::Result<void> open(const LanguageHooks& hooks);
    // Says ready, then answers requests until retired.
    void run();
    // The same in pieces, where another loop drives this one: it watches descriptor(), and calls
    // turn() when that is readable, when turn_due() was told, and when next_due() has passed.
    // False: retired, and end() is all that is left.
    void begin();
    bool turn();
    void end();
    int descriptor() const { return loop_.fd(); }
    int next_due() { return loop_.next_due(); }
    Context& context() { return context_; }
    net::TimerId start_timer(base::Milliseconds delay, std::function<void()> call) {
        return loop_.start_timer(delay, std::move(call));
    }
    // Told once when the worker retires: connections that were taken over shall come to their end.
    void on_retire(std::function<void()> call) { on_retire_ = std::move(call); }

    // Around a fork by the app, on the thread that runs it: see Rescue.
    void pause_rescue() {
        if (rescue_) rescue_->pause();
    }
    // After it, and without what Python code needs to run: the prober may be waiting for that.
    void pause_prober() {
        if (rescue_ && rescue_->paused()) pulse_.pause();
    }
    void resume_rescue() {
        if (rescue_) rescue_->resume();
    }
    void stop() { loop_.stop(); }

private:
    class Interrupt;

    void on_event(std::uint32_t events) override;
    void on_message(control::Message& message);
    void answer_check(control::Message& message);
    void start_serving();
    void attach_front(control::Message& message);
    void listen();
    void deafen(bool all);
    void retire(std::uint32_t successor);
    void let_go();
    void run_runnable();
    void finish_turn();
    void hand_on_waiting();
    void hand_on_idle();
    void on_first_waiting();
    void reopen_log(control::Message& message);
    void tell(control::Kind kind, std::uint64_t value = 0);
    void count_worn();
    void watch_calls();
    base::Result<void> open_cores(const LanguageHooks& hooks);
    base::Result<void> open_pool(const LanguageHooks& hooks,
                                 const std::vector<http::AppBridge*>& bridges);
    bool prepare_sleep();
    void run_turn(base::Milliseconds limit);
    void run_over();
    void run_news();
    base::Result<void> open_rescue();
    void add_acceptors();

    const Settings& settings_;
    const options::Options& options_;
    base::SteadyClock clock_;
    net::EventLoop loop_;
    Context context_;
    Wiring wiring_;
    LanguageHooks hooks_;
    Running running_;
    std::function<void()> on_retire_;
    std::unique_ptr<AsyncCores> async_cores_;
    std::unique_ptr<InlineCore> inline_core_;
    std::unique_ptr<Pool> pool_;
    std::unique_ptr<Rescue> rescue_;
    std::unique_ptr<Interrupt> interrupt_;
    std::unique_ptr<AcceptToken> token_;
    std::vector<std::unique_ptr<Acceptor>> acceptors_;
    HandoverTaker taker_;
    Mailboxes mailboxes_;
    // The runnable ones that get their go in this turn.
    base::IntrusiveList<Connection, RunnableTag> now_;
    net::TimerId let_go_timer_ = 0;
    net::TimerId waiting_timer_ = 0;
    Pulse pulse_;
    net::TimerId pulse_timer_ = 0;
    bool half_sent_grace_over_ = false;
    std::uint64_t requests_before_ = 0;
    bool worn_ = false;  // max-requests is reached, and the master knows
};

}  // namespace mew::worker
