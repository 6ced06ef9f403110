#pragma once
// The end: with drain-delay all goes on for a while, though no longer ready, so that who sends the
// requests may look elsewhere; then everybody finishes within the stop mercy, or dies at once; then
// the log is written out, then what we made is removed (vacuum), then the loop ends.
//
// Fronts finish first, since they need workers for what waits in them; workers are told once the
// fronts are gone, or have nothing left but connections that workers took over, or when little of
// the mercy is left.
//
//   running > [draining] > graceful > closing_log > ended     running, draining, graceful > at_once
//                                                             at_once > closing_log

#include <string>

#include "master/generations.h"
#include "master/holdings.h"

namespace mew::master {

enum class ShutdownPhase : std::uint8_t {
    running,
    draining,
    graceful,
    at_once,
    closing_log,
    ended
};
std::string_view name_of(ShutdownPhase phase);

class Shutdown {
public:
    Shutdown(Holdings& holdings, Generations& generations, Singletons& singletons)
        : holdings_(holdings), generations_(generations), singletons_(singletons) {}
    ~Shutdown();

    void stop(const std::string& why, base::Milliseconds drain, base::Milliseconds mercy);
    void stop_at_once(const std::string& why);
    // Could not start: everything made so far goes, the program ends with `status`.
    void give_up(int status);
    // A generation went, or the last task.
    void check();

    bool running() const { return phase_ == ShutdownPhase::running; }
    bool draining() const { return phase_ == ShutdownPhase::draining; }
    int exit_status() const { return exit_status_; }

private:
    bool step(ShutdownPhase next);
    void retire_all(base::Milliseconds mercy);
    void retire_workers();
    void stop_draining();
    void close_sockets();
    void kill_all(const std::string& why);
    void vacuum();

    Holdings& holdings_;
    Generations& generations_;
    Singletons& singletons_;
    ShutdownPhase phase_ = ShutdownPhase::running;
    int exit_status_ = kExitDone;
    net::TimerId drain_ = 0;
    base::MonotonicTime mercy_ends_;
    net::TimerId fronts_turn_ = 0;  // what is left of the mercy is the workers' alone
    bool workers_told_ = false;
    net::TimerId last_resort_ = 0;
};

}  // namespace mew::master
