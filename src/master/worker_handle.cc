#include "master/worker_handle.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include "base/format.h"
#include "master/transition.h"
#include "os/signals.h"

namespace mew::master {
namespace {

using Phase = WorkerPhase;
using base::Milliseconds;

// A worker whose socket closed is on its way out; one that lives on cannot be led any more.
constexpr Milliseconds kAfterClose{5000};
// More at once is told by no worker of ours.
constexpr std::uint64_t kMostCores = 1'000'000;

constexpr Step<Phase> kSteps[] = {
    {Phase::ordered, Phase::starting},  {Phase::starting, Phase::ready},
    {Phase::ready, Phase::serving},     {Phase::ready, Phase::retiring},
    {Phase::serving, Phase::retiring},  {Phase::ordered, Phase::retiring},
    {Phase::starting, Phase::retiring}, {Phase::ordered, Phase::dead},
    {Phase::starting, Phase::dead},     {Phase::ready, Phase::dead},
    {Phase::serving, Phase::dead},      {Phase::retiring, Phase::dead},
};

}  // namespace

std::string_view name_of(WorkerPhase phase) {
    constexpr std::string_view kNames[] = {"ordered", "starting", "ready",
                                           "serving", "retiring", "dead"};
    return kNames[static_cast<std::size_t>(phase)];
}

WorkerHandle::WorkerHandle(Holdings& holdings, WorkerOwner& owner, stats::Slot& board,
                           WorkerPlace place)
    : holdings_(holdings),
      owner_(owner),
      board_(board),
      place_(place),
      started_(holdings.loop.now()),
      requests_before_(board.requests.load(std::memory_order_relaxed)) {
    board_.incarnation.store(place.incarnation, std::memory_order_relaxed);
    board_.generation.store(place.generation, std::memory_order_relaxed);
    board_.last_spawn_unix.store(static_cast<std::uint64_t>(std::time(nullptr)),
                                 std::memory_order_relaxed);
    // No worker holds this slot now, so the master may speak for it.
    board_.state.store(stats::WorkerState::starting, std::memory_order_relaxed);
}

WorkerHandle::~WorkerHandle() {
    holdings_.fronts.forget(key());
    if (pid_ != 0) holdings_.children.forget(pid_);
}

std::string WorkerHandle::describe() const {
    std::string text = "worker " + std::to_string(place_.slot);
    if (pid_ != 0) text += " (pid " + std::to_string(pid_) + ")";
    return text;
}

bool WorkerHandle::step(WorkerPhase next) {
    return take_step(phase_, next, kSteps,
                     base::format("{} of generation {}", describe(), place_.generation));
}

void WorkerHandle::limit_start() {
    const Milliseconds limit = place_.start_limit;
    deadline_.start(
        limit,
        base::format("was not ready within {:g} s", std::chrono::duration<double>(limit).count()),
        true);
}

void WorkerHandle::on_missed(const state::Deadline& missed) {
    late_ = late_ || missed.of_start;
    kill(missed.missed);
}

base::Result<void> WorkerHandle::expect(os::Fd near, std::uint64_t build) {
    peer_ = std::make_unique<Peer>(holdings_.loop, std::move(near), *this, build);
    if (auto opened = peer_->open(); !opened) return opened;
    limit_start();
    return {};
}

void WorkerHandle::learn_pid(pid_t pid) {
    if (pid_ != 0 || pid <= 1 || phase_ == Phase::dead) return;
    int status = 0;
    switch (holdings_.children.watch(pid, *this, status)) {
        case Children::Watch::refused:
            log::error("odd-pid", "worker {} claims pid {}, which another process has", place_.slot,
                       pid);
            return;
        case Children::Watch::watching:
            break;
        case Children::Watch::ended:
            pid_ = pid;
            on_child_end(pid, status);
            return;
    }
    pid_ = pid;
    board_.pid.store(static_cast<std::uint64_t>(pid), std::memory_order_relaxed);
    if (phase_ == Phase::ordered) {
        step(Phase::starting);
        limit_start();  // a zygote that forks many workers takes a while to come to this one
    }
    // Told to die before it had a pid.
    if (!killed_because_.empty()) Children::kill(pid_);
}

void WorkerHandle::on_spawned(pid_t pid) { learn_pid(pid); }

void WorkerHandle::tell(control::Kind kind, std::uint32_t generation, std::uint64_t value) {
    control::Message order;
    order.kind = kind;
    order.slot = place_.slot;
    order.generation = generation;
    order.value = value;
    if (auto sent = peer_->send(order); !sent) kill("does not read its orders");
}

void WorkerHandle::serve() {
    if (!step(Phase::serving)) return;
    served_ = true;
    tell(control::Kind::serve, place_.generation);
    if (phase_ == Phase::serving) holdings_.fronts.attach(key(), place_.cores, *this);
}

base::Result<void> WorkerHandle::take_channel(const FrontPlace& front, int memory, int end) {
    control::Message order;
    order.kind = control::Kind::channel;
    order.slot = front.number;
    order.value = front.incarnation;
    return peer_->send(order, {memory, end});
}

base::Result<void> WorkerHandle::check(os::Fd connection) {
    control::Message order;
    order.kind = control::Kind::check;
    order.slot = place_.slot;
    order.generation = place_.generation;
    return peer_->send(order, {connection.get()});
}

void WorkerHandle::retire(Milliseconds mercy, std::uint32_t successor) {
    if (phase_ == Phase::dead) return;
    told_to_end_ = true;
    holdings_.fronts.let_go(key());
    // One that never served holds no request, and may still be importing: nothing to wait for.
    if (phase_ != Phase::retiring) step(Phase::retiring);
    if (!served_) return kill("was not serving yet");
    deadline_.start(mercy, base::format("still had work after {:.1f} s of mercy",
                                        std::chrono::duration<double>(mercy).count()));
    tell(control::Kind::retire, successor, static_cast<std::uint64_t>(mercy.count()));
}

void WorkerHandle::reopen_log(int fd) {
    if (phase_ == Phase::dead || phase_ == Phase::ordered) return;
    control::Message order;
    order.kind = control::Kind::reopen_log;
    if (auto sent = peer_->send(order, {fd}); !sent)
        log::warning("reopen-failed", "{} keeps the old log: {}", describe(), sent.error().text);
}

void WorkerHandle::kill(const std::string& why) {
    if (phase_ == Phase::dead) return;
    deadline_.stop();
    // As it is now: dying changes it.
    if (killed_because_.empty()) doing_when_killed_ = doing();
    killed_because_ = why;
    if (pid_ == 0) {
        // Not forked yet, or nobody told us its pid: the end of its socket ends it.
        peer_->close();
        finish(0, false);
        return;
    }
    Children::kill(pid_);
}

void WorkerHandle::on_ready() {
    if (phase_ == Phase::ordered) step(Phase::starting);
    if (phase_ == Phase::retiring || !step(Phase::ready)) return;
    deadline_.stop();
    was_ready_ = true;
    owner_.on_worker_ready(*this);
}

void WorkerHandle::on_message(control::Message& message) {
    switch (message.kind) {
        case control::Kind::hello:
            learn_pid(message.pid);
            // From here on an import may run (lazy-apps), which takes what it takes.
            if (!place_.preloaded && phase_ == Phase::starting) deadline_.stop();
            return;
        case control::Kind::ready:
            // An app that does not occupy a thread for each request runs more of them at once.
            if (message.value != 0)
                place_.cores = static_cast<int>(std::min(message.value, kMostCores));
            return on_ready();
        case control::Kind::failed:
            failed_ = true;
            failure_ = std::move(message);
            return;
        case control::Kind::left:
            told_to_end_ = true;
            holdings_.fronts.let_go(key());
            cut_ = message.value;
            if (phase_ != Phase::retiring) step(Phase::retiring);
            return;
        case control::Kind::files:
            return holdings_.watcher.take_files(place_.generation, place_.slot, message);
        case control::Kind::reload:
        case control::Kind::stop:
        case control::Kind::worn:
            return owner_.on_worker_request(*this, message.kind);
        default:
            log::warning("odd-message", "{} sent message {}, which a worker does not send",
                         describe(), static_cast<int>(message.kind));
    }
}

void WorkerHandle::on_peer_closed(const std::string& reason) {
    if (phase_ == Phase::dead) return;
    if (pid_ == 0) {
        if (!reason.empty()) killed_because_ = reason;
        return finish(0, false);
    }
    if (killed_because_.empty())
        deadline_.start(kAfterClose,
                        reason.empty() ? "closed its control socket and lived on" : reason);
}

std::string WorkerHandle::doing() const {
    return describe_doing(board_, holdings_.loop.now(), stop_watch_);
}

void WorkerHandle::on_child_stopped(pid_t, int signal) {
    stop_watch_.on_stopped(describe(), signal, holdings_.loop.now());
}

void WorkerHandle::on_child_continued(pid_t) {
    stop_watch_.on_continued(describe(), holdings_.loop.now());
}

void WorkerHandle::on_child_end(pid_t, int wait_status) {
    if (peer_) peer_->drain();  // `left` or `failed` may still lie there
    finish(wait_status, true);
}

// thunder-lock: what a dead worker held is anybody's again, and somebody must hear of it.
void WorkerHandle::give_back_token() {
    if (pid_ == 0 || !holdings_.gate || !holdings_.bell) return;
    if (!holdings_.gate.release_token(pid_)) return;
    const std::uint64_t one = 1;
    (void)!::write(holdings_.bell.get(), &one, sizeof one);
}

// A request that made its worker die, or hang, would do the same to the next one.
std::string WorkerHandle::why_not_again(bool oom) const {
    if (!killed_because_.empty())
        return "the master ended its worker because it " + killed_because_;
    return oom ? "its worker was killed by the OOM killer" : "";
}

void WorkerHandle::finish(int wait_status, bool known_status) {
    if (phase_ == Phase::dead) return;
    deadline_.stop();
    WorkerEnd end;
    end.phase = phase_;
    end.expected = told_to_end_;
    end.was_ready = was_ready_;
    end.served = served_;
    const bool by_us = !killed_because_.empty();
    const Deaths::Verdict verdict = holdings_.deaths.take(
        {Deaths::Role::worker, wait_status, known_status, by_us && served_, told_to_end_},
        holdings_.loop.now());
    end.from_outside = known_status && WIFSIGNALED(wait_status) &&
                       WTERMSIG(wait_status) == SIGKILL && !by_us && !verdict.oom;
    end.late = late_;
    end.cut_off = served_ && !killed_because_.empty();
    if (failed_) {
        end.failed_status = failure_.value == 0 ? kExitError : static_cast<int>(failure_.value);
        end.why = failure_.text;
    }
    const auto requests = board_.requests.load(std::memory_order_relaxed) - requests_before_;
    const auto seconds = std::chrono::duration<double>(holdings_.loop.now() - started_).count();
    end.text = base::format("{} of generation {} {} after {:.1f} s and {} requests{}; it was {}",
                            describe(), place_.generation, verdict.how, seconds, requests,
                            known_status ? peak_text(holdings_.children.peak_kib()) : "",
                            by_us ? doing_when_killed_ : doing());
    if (!killed_because_.empty()) end.text += "; the master ended it because it " + killed_because_;
    if (cut_ != 0) end.text += base::format("; {} requests were cut", cut_);
    step(Phase::dead);
    if (peer_) peer_->close();
    give_back_token();
    pid_ = 0;
    board_.pid.store(0, std::memory_order_relaxed);
    board_.state.store(stats::WorkerState::absent, std::memory_order_relaxed);
    board_.request_started_us.store(0, std::memory_order_relaxed);
    if (!end.expected) stats::add(board_.deaths);
    holdings_.fronts.ended(key(), why_not_again(verdict.oom));
    owner_.on_worker_dead(*this, end);
}

}  // namespace mew::master
