#include "master/zygote_handle.h"

#include <unistd.h>

#include "base/format.h"
#include "master/transition.h"
#include "os/process.h"

namespace mew::master {
namespace {

using Phase = ZygotePhase;
using base::Milliseconds;

constexpr Milliseconds kHelloDeadline{60000};  // python starts and takes the boot block
constexpr Milliseconds kLeaveDeadline{5000};   // told to leave, or its socket closed

constexpr Step<Phase> kSteps[] = {
    {Phase::starting, Phase::importing}, {Phase::importing, Phase::ready},
    {Phase::starting, Phase::leaving},   {Phase::importing, Phase::leaving},
    {Phase::ready, Phase::leaving},      {Phase::starting, Phase::dead},
    {Phase::importing, Phase::dead},     {Phase::ready, Phase::dead},
    {Phase::leaving, Phase::dead},
};

}  // namespace

std::string_view name_of(ZygotePhase phase) {
    constexpr std::string_view kNames[] = {"starting", "importing", "ready", "leaving", "dead"};
    return kNames[static_cast<std::size_t>(phase)];
}

ZygoteHandle::ZygoteHandle(Holdings& holdings, ZygoteOwner& owner, std::uint32_t generation)
    : holdings_(holdings),
      owner_(owner),
      generation_(generation),
      deadline_(holdings.loop, [this](const state::Deadline& over) {
          log::error("zygote-stuck", "{} (pid {}) {}; killing it", describe(), pid_, over.missed);
          kill();
      }) {}

ZygoteHandle::~ZygoteHandle() {
    if (pid_ != 0) holdings_.children.forget(pid_);
}

std::string ZygoteHandle::describe() const {
    return base::format("{} of generation {}", reserve_ ? "reserve" : "zygote", generation_);
}

bool ZygoteHandle::step(ZygotePhase next) { return take_step(phase_, next, kSteps, describe()); }

base::Result<void> ZygoteHandle::start(control::Boot boot, const std::string& python) {
    auto pair = control::make_pair();
    if (!pair) return std::move(pair).failure();
    boot.control_fd = pair->far.get();
    auto block = control::write_boot(boot);
    if (!block) return std::move(block).failure();

    os::SpawnPlan plan;
    plan.argv = {python, boot.package_dir + "/_zygote.py", std::to_string(block->get())};
    plan.identity = holdings_.identity;
    plan.descriptors = holdings_.log_target.inherited();
    if (boot.loaded.options.dev) {  // a debugger reads the terminal, as its foreground group may
        plan.descriptors.push_back({STDIN_FILENO, STDIN_FILENO});
        plan.own_group = false;
    }
    for (const int fd : {pair->far.get(), block->get(), boot.board_fd, boot.gate_fd, boot.bell_fd,
                         boot.handover_fd, boot.handover_take_fd}) {
        if (fd >= 0) plan.descriptors.push_back({fd, fd});
    }
    for (const net::ListenerInfo& listener : boot.listeners) {
        if (listener.routed) continue;
        if (listener.slot_fds.empty()) plan.descriptors.push_back({listener.fd, listener.fd});
        for (const int fd : listener.slot_fds) plan.descriptors.push_back({fd, fd});
    }
    auto pid = os::spawn(plan);
    if (!pid) return base::fail("cannot start " + python + ": " + pid.error().text);

    pid_ = *pid;
    started_ = holdings_.loop.now();
    int status = 0;
    holdings_.children.watch(pid_, *this, status);  // cannot have been reaped: the loop has not run
    if (auto opened = expect(std::move(pair->near)); !opened) {
        Children::kill(pid_);
        return opened;
    }
    log::debug("zygote-started", "{} started (pid: {})", describe(), pid_);
    return {};
}

base::Result<void> ZygoteHandle::expect(os::Fd near, std::uint64_t build) {
    peer_ = std::make_unique<Peer>(holdings_.loop, std::move(near), *this, build);
    if (auto opened = peer_->open(); !opened) return opened;
    deadline_.start(kHelloDeadline, "did not say hello within 60 s");
    return {};
}

base::Result<void> ZygoteHandle::start_from(ZygoteHandle& zygote) {
    reserve_ = true;
    auto pair = control::make_pair();
    if (!pair) return std::move(pair).failure();
    auto expected = expect(std::move(pair->near), zygote.build());
    if (!expected) return expected;
    started_ = holdings_.loop.now();
    control::Message order;
    order.kind = control::Kind::reserve;
    order.slot = control::kReserveSlot;
    order.generation = generation_;
    order.value = order_ = ++last_order;
    return zygote.peer_->send(order, {pair->far.get()});
}

// Its pid comes from the zygote that forked it (`spawned`) or from itself (`hello`).
void ZygoteHandle::on_spawned(pid_t pid) {
    if (pid_ != 0 || pid <= 1 || phase_ == Phase::dead) return;
    int status = 0;
    switch (holdings_.children.watch(pid, *this, status)) {
        case Children::Watch::refused:
            return log::error("odd-pid", "{} claims pid {}, which another process has", describe(),
                              pid);
        case Children::Watch::watching:
            pid_ = pid;
            log::debug("zygote-started", "{} forked (pid: {})", describe(), pid_);
            // Told to end before it had a pid.
            if (phase_ == Phase::leaving) Children::kill(pid_);
            return;
        case Children::Watch::ended:
            pid_ = pid;
            return on_child_end(pid, status);
    }
}

base::Result<void> ZygoteHandle::order_worker(std::uint32_t slot, std::uint64_t incarnation,
                                              int far_end) {
    control::Message order;
    order.kind = control::Kind::spawn;
    order.slot = slot;
    order.generation = generation_;
    order.value = incarnation;
    return peer_->send(order, {far_end});
}

base::Result<void> ZygoteHandle::order_task(std::uint32_t number, const std::string& name,
                                            std::uint64_t order, int far_end) {
    control::Message message;
    message.kind = control::Kind::spawn_task;
    message.slot = number;
    message.generation = generation_;
    message.value = order;
    message.text = name;
    return peer_->send(message, {far_end});
}

void ZygoteHandle::reopen_log(int fd) {
    control::Message order;
    order.kind = control::Kind::reopen_log;
    if (phase_ == Phase::dead || phase_ == Phase::leaving) return;
    if (auto sent = peer_->send(order, {fd}); !sent)
        log::warning("reopen-failed", "{} keeps the old log: {}", describe(), sent.error().text);
}

void ZygoteHandle::leave() {
    if (phase_ == Phase::dead || phase_ == Phase::leaving) return;
    // An import does not listen; there is nothing in it that deserves to be waited for.
    const bool listens = phase_ == Phase::ready;
    if (!step(Phase::leaving)) return;
    control::Message order;
    order.kind = control::Kind::leave;
    if (!listens || !peer_->send(order)) return kill();
    deadline_.start(kLeaveDeadline, "did not leave within 5 s");
}

void ZygoteHandle::kill() {
    if (phase_ == Phase::dead) return;
    if (phase_ != Phase::leaving) step(Phase::leaving);
    deadline_.stop();
    if (pid_ != 0) return Children::kill(pid_);
    // Not forked yet, or nobody told us its pid: the end of its socket ends it.
    peer_->close();
    finish(describe() + " was not there yet", true);
}

void ZygoteHandle::on_message(control::Message& message) {
    switch (message.kind) {
        case control::Kind::hello:
            on_spawned(message.pid);
            deadline_.stop();
            if (phase_ == Phase::starting) step(Phase::importing);
            return;
        case control::Kind::ready:
            if (phase_ == Phase::leaving || !step(Phase::ready)) return;
            was_ready_ = true;
            owner_.on_zygote_ready(*this, message.text);
            return;
        case control::Kind::failed:
            failure_.status = message.value == 0 ? kExitError : static_cast<int>(message.value);
            failure_.text = message.text;
            return;
        case control::Kind::spawned:
            owner_.on_worker_spawned(*this, message);
            return;
        case control::Kind::files:
            return holdings_.watcher.take_files(generation_, 0, message);
        case control::Kind::task_spawned:
            owner_.on_task_spawned(*this, message);
            return;
        default:
            log::warning("odd-message", "{} sent message {}, which a zygote does not send",
                         describe(), static_cast<int>(message.kind));
    }
}

void ZygoteHandle::on_peer_closed(const std::string& reason) {
    if (phase_ == Phase::dead) return;
    if (pid_ == 0) return finish(describe() + " died before it was told of", false);
    if (!reason.empty() && failure_.text.empty()) failure_.text = reason;
    // Its end follows as a SIGCHLD; a process that closed its socket and lives on is of no use.
    if (phase_ != Phase::leaving || !deadline_.running())
        deadline_.start(kLeaveDeadline, "closed its control socket");
}

void ZygoteHandle::on_child_end(pid_t, int wait_status) {
    if (peer_) peer_->drain();
    const pid_t pid = std::exchange(pid_, 0);
    if (phase_ == Phase::dead) return;
    const base::MonotonicTime now = holdings_.loop.now();
    const bool expected = phase_ == Phase::leaving;
    const auto verdict = holdings_.deaths.take(
        {Deaths::Role::zygote, wait_status, true, false, expected || !was_ready_}, now);
    finish(base::format("{} (pid {}) {} after {:.1f} s{}", describe(), pid, verdict.how,
                        std::chrono::duration<double>(now - started_).count(),
                        peak_text(holdings_.children.peak_kib())),
           expected);
}

void ZygoteHandle::on_child_stopped(pid_t pid, int signal) {
    stop_watch_.on_stopped(base::format("{} (pid {})", describe(), pid), signal,
                           holdings_.loop.now());
}

void ZygoteHandle::on_child_continued(pid_t pid) {
    stop_watch_.on_continued(base::format("{} (pid {})", describe(), pid), holdings_.loop.now());
}

void ZygoteHandle::finish(const std::string& how, bool expected) {
    deadline_.stop();
    const bool importing = phase_ == Phase::importing;
    step(Phase::dead);
    if (peer_) peer_->close();
    if (expected) {
        log::debug("zygote-left", "{}", how);
    } else if (was_ready_) {
        log::error("zygote-died", "{}", how);
    }
    if (failure_.text.empty()) {
        failure_.status = importing ? kExitAppFailed : kExitError;
        failure_.text = how + (importing ? " while it imported the app" : "");
    }
    owner_.on_zygote_dead(*this, failure_);
}

}  // namespace mew::master
