#include "master/shutdown.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "master/transition.h"

namespace mew::master {
namespace {

using Phase = ShutdownPhase;
using base::Milliseconds;

// A process in uninterruptible sleep does not even die of SIGKILL; the master does not wait for it.
constexpr base::Milliseconds kLastResort{5000};
// Of the stop mercy: for what workers do at their end, though a client takes its time.
constexpr int kLastPart = 8;

constexpr Step<Phase> kSteps[] = {
    {Phase::running, Phase::graceful},     {Phase::running, Phase::at_once},
    {Phase::running, Phase::draining},     {Phase::draining, Phase::graceful},
    {Phase::draining, Phase::at_once},     {Phase::graceful, Phase::at_once},
    {Phase::graceful, Phase::closing_log}, {Phase::at_once, Phase::closing_log},
    {Phase::closing_log, Phase::ended},
};

}  // namespace

std::string_view name_of(ShutdownPhase phase) {
    constexpr std::string_view kNames[] = {"running", "draining",    "graceful",
                                           "at-once", "closing-log", "ended"};
    return kNames[static_cast<std::size_t>(phase)];
}

Shutdown::~Shutdown() {
    stop_draining();
    if (fronts_turn_ != 0) holdings_.loop.cancel_timer(fronts_turn_);
    if (last_resort_ != 0) holdings_.loop.cancel_timer(last_resort_);
}

bool Shutdown::step(ShutdownPhase next) { return take_step(phase_, next, kSteps, "shutdown"); }

void Shutdown::close_sockets() {
    // Once the workers have closed theirs, clients are refused instead of left waiting.
    for (net::Listener& listener : holdings_.listeners) listener.fd.reset();
}

void Shutdown::stop(const std::string& why, Milliseconds drain, Milliseconds mercy) {
    if (phase_ == Phase::graceful || phase_ == Phase::draining) return stop_at_once(why + " again");
    if (phase_ != Phase::running) return;
    const auto seconds = [](Milliseconds time) {
        return std::chrono::duration<double>(time).count();
    };
    if (drain.count() > 0) {
        log::info("draining",
                  "draining ({}): not ready any more, still answering for {:.1f} s; then requests "
                  "that run have {:.1f} s to finish",
                  why, seconds(drain), seconds(mercy));
        step(Phase::draining);
        drain_ = holdings_.loop.start_timer(drain, [this, mercy] {
            drain_ = 0;
            log::info("stopping", "stopping: the time to drain is over");
            retire_all(mercy);
        });
        return;
    }
    log::info("stopping", "stopping ({}): requests that run have {:.1f} s to finish", why,
              seconds(mercy));
    retire_all(mercy);
}

void Shutdown::retire_all(Milliseconds mercy) {
    step(Phase::graceful);
    close_sockets();
    holdings_.watcher.close();
    holdings_.certificates.close();
    mercy_ends_ = holdings_.loop.now() + mercy;
    singletons_.stop(mercy);
    if (!holdings_.fronts.empty()) {
        holdings_.fronts.stop(mercy);
        fronts_turn_ = holdings_.loop.start_timer(mercy - mercy / kLastPart, [this] {
            fronts_turn_ = 0;
            retire_workers();
        });
    }
    check();
}

void Shutdown::retire_workers() {
    if (std::exchange(workers_told_, true)) return;
    if (fronts_turn_ != 0) holdings_.loop.cancel_timer(fronts_turn_);
    fronts_turn_ = 0;
    const auto left = std::chrono::duration_cast<Milliseconds>(mercy_ends_ - holdings_.loop.now());
    generations_.retire_all(std::max(left, Milliseconds{0}));
}

void Shutdown::stop_draining() {
    if (drain_ != 0) holdings_.loop.cancel_timer(drain_);
    drain_ = 0;
}

void Shutdown::stop_at_once(const std::string& why) {
    if (phase_ != Phase::running && phase_ != Phase::draining && phase_ != Phase::graceful) return;
    stop_draining();
    log::info("stopping", "stopping at once ({})", why);
    kill_all("was told to stop at once");
}

void Shutdown::give_up(int status) {
    exit_status_ = status;
    if (phase_ == Phase::running) kill_all("start failed");
}

void Shutdown::kill_all(const std::string& why) {
    step(Phase::at_once);
    close_sockets();
    holdings_.watcher.close();
    holdings_.certificates.close();
    holdings_.fronts.kill_all(why);
    generations_.kill_all(why);
    singletons_.kill_all(why);
    last_resort_ = holdings_.loop.start_timer(kLastResort, [this] {
        last_resort_ = 0;
        log::error("undead", "some processes did not die of SIGKILL; leaving them to the kernel");
        vacuum();
    });
    check();
}

void Shutdown::check() {
    if (phase_ != Phase::graceful && phase_ != Phase::at_once) return;
    if (phase_ == Phase::graceful && holdings_.fronts.drained()) retire_workers();
    // By retiring the last one, all of this may have been done already.
    if (phase_ != Phase::graceful && phase_ != Phase::at_once) return;
    if (!generations_.empty() || !singletons_.empty() || !holdings_.fronts.empty()) return;
    step(Phase::closing_log);
    // The last line before the logger is let go: nothing of ours follows it.
    log::info("stopped", "stopped");
    holdings_.log_target.close([this] { vacuum(); });
}

void Shutdown::vacuum() {
    if (phase_ == Phase::closing_log) step(Phase::ended);
    if (holdings_.started_with.options.vacuum) {
        for (const net::Listener& listener : holdings_.listeners) {
            if (!listener.path.empty()) ::unlink(listener.path.c_str());
        }
    }
    holdings_.fifos.close(holdings_.started_with.options.vacuum);
    // Not a matter of vacuum: a pidfile that names a dead process misleads.
    holdings_.pidfile.remove();
    holdings_.loop.stop();
}

}  // namespace mew::master
