#include "master/zygote_handle.h"

#include "base/format.h"
#include "master/transition.h"
#include "os/process.h"
#include "os/signals.h"

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

std::string who(std::uint32_t generation) {
    return "zygote of generation " + std::to_string(generation);
}

}  // namespace

std::string_view name_of(ZygotePhase phase) {
    constexpr std::string_view kNames[] = {"starting", "importing", "ready", "leaving", "dead"};
    return kNames[static_cast<std::size_t>(phase)];
}

ZygoteHandle::ZygoteHandle(Holdings& holdings, ZygoteOwner& owner, std::uint32_t generation)
    : holdings_(holdings), owner_(owner), generation_(generation) {}

ZygoteHandle::~ZygoteHandle() {
    stop_deadline();
    if (pid_ != 0) holdings_.children.forget(pid_);
}

bool ZygoteHandle::step(ZygotePhase next) {
    return take_step(phase_, next, kSteps, who(generation_));
}

void ZygoteHandle::start_deadline(Milliseconds delay, const char* missed) {
    stop_deadline();
    deadline_ = holdings_.loop.start_timer(delay, [this, missed] {
        deadline_ = 0;
        log::error("zygote-stuck", "{} (pid {}) {}; killing it", who(generation_), pid_, missed);
        kill();
    });
}

void ZygoteHandle::stop_deadline() {
    if (deadline_ != 0) holdings_.loop.cancel_timer(deadline_);
    deadline_ = 0;
}

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
    for (const int fd : {pair->far.get(), block->get(), boot.board_fd, boot.gate_fd, boot.bell_fd,
                         boot.handover_fd, boot.handover_take_fd}) {
        if (fd >= 0) plan.descriptors.push_back({fd, fd});
    }
    for (const net::ListenerInfo& listener : boot.listeners) {
        if (listener.slot_fds.empty()) plan.descriptors.push_back({listener.fd, listener.fd});
        for (const int fd : listener.slot_fds) plan.descriptors.push_back({fd, fd});
    }
    auto pid = os::spawn(plan);
    if (!pid) return base::fail("cannot start " + python + ": " + pid.error().text);

    pid_ = *pid;
    started_ = holdings_.loop.now();
    int status = 0;
    holdings_.children.watch(pid_, *this, status);  // cannot have been reaped: the loop has not run
    peer_ = std::make_unique<Peer>(holdings_.loop, std::move(pair->near), *this);
    if (auto opened = peer_->open(); !opened) {
        Children::kill(pid_);
        return opened;
    }
    start_deadline(kHelloDeadline, "did not say hello within 60 s");
    log::debug("zygote-started", "{} started (pid: {})", who(generation_), pid_);
    return {};
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

void ZygoteHandle::reopen_log(int fd) {
    control::Message order;
    order.kind = control::Kind::reopen_log;
    if (phase_ == Phase::dead || phase_ == Phase::leaving) return;
    if (auto sent = peer_->send(order, {fd}); !sent)
        log::warning("reopen-failed", "{} keeps the old log: {}", who(generation_),
                     sent.error().text);
}

void ZygoteHandle::leave() {
    if (phase_ == Phase::dead || phase_ == Phase::leaving) return;
    // An import does not listen; there is nothing in it that deserves to be waited for.
    const bool listens = phase_ == Phase::ready;
    if (!step(Phase::leaving)) return;
    control::Message order;
    order.kind = control::Kind::leave;
    if (!listens || !peer_->send(order)) return kill();
    start_deadline(kLeaveDeadline, "did not leave within 5 s");
}

void ZygoteHandle::kill() {
    if (phase_ == Phase::dead) return;
    if (phase_ != Phase::leaving) step(Phase::leaving);
    stop_deadline();
    Children::kill(pid_);
}

void ZygoteHandle::on_message(control::Message& message) {
    switch (message.kind) {
        case control::Kind::hello:
            stop_deadline();
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
        default:
            log::warning("odd-message", "{} sent message {}, which a zygote does not send",
                         who(generation_), static_cast<int>(message.kind));
    }
}

void ZygoteHandle::on_peer_closed(const std::string& reason) {
    if (phase_ == Phase::dead) return;
    if (!reason.empty() && failure_.text.empty()) failure_.text = reason;
    // Its end follows as a SIGCHLD; a process that closed its socket and lives on is of no use.
    if (phase_ != Phase::leaving || deadline_ == 0)
        start_deadline(kLeaveDeadline, "closed its control socket");
}

void ZygoteHandle::on_child_end(pid_t, int wait_status) {
    const pid_t pid = std::exchange(pid_, 0);
    if (peer_) peer_->drain();
    if (phase_ == Phase::dead) return;
    const auto seconds = std::chrono::duration<double>(holdings_.loop.now() - started_).count();
    finish(base::format("{} (pid {}) {} after {:.1f} s", who(generation_), pid,
                        os::describe_end(wait_status), seconds),
           phase_ == Phase::leaving);
}

void ZygoteHandle::finish(const std::string& how, bool expected) {
    stop_deadline();
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
