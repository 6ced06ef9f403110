#include "master/front_handle.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <utility>

#include "base/format.h"
#include "master/holdings.h"
#include "master/transition.h"
#include "options/parse_value.h"
#include "os/process.h"
#include "os/signals.h"

namespace mew::master {
namespace {

using Phase = FrontPhase;
using base::Milliseconds;
using control::Kind;

constexpr Milliseconds kStart{10000};  // it loads nothing
constexpr Milliseconds kSendAgain{2};
constexpr Milliseconds kStuck{10000};
// One whose socket closed is on its way out; one that lives on cannot be led any more.
constexpr Milliseconds kAfterClose{5000};

constexpr Step<Phase> kSteps[] = {
    {Phase::starting, Phase::ready}, {Phase::ready, Phase::retiring},
    {Phase::starting, Phase::dead},  {Phase::ready, Phase::dead},
    {Phase::retiring, Phase::dead},
};

double seconds(base::MonotonicTime::duration time) {
    return std::chrono::duration<double>(time).count();
}

// The socket is full, or so are the kernel's books of descriptors on their way.
bool is_passing(int code) {
    return code == EAGAIN || code == ENOBUFS || code == ETOOMANYREFS || code == ENOMEM;
}

}  // namespace

std::string_view name_of(FrontPhase phase) {
    constexpr std::string_view kNames[] = {"starting", "ready", "retiring", "dead"};
    return kNames[static_cast<std::size_t>(phase)];
}

FrontHandle::FrontHandle(Holdings& holdings, FrontOwner& owner, stats::FrontSlot& block,
                         FrontPlace place)
    : holdings_(holdings),
      owner_(owner),
      block_(block),
      place_(place),
      deadline_(holdings.loop, [this](const state::Deadline& over) { kill(over.missed); }) {}

FrontHandle::~FrontHandle() {
    stop_sending();
    if (pid_ != 0) holdings_.children.forget(pid_);
}

std::string FrontHandle::describe() const {
    std::string text = "front " + std::to_string(place_.number);
    if (pid_ != 0) text += " (pid " + std::to_string(pid_) + ")";
    return text;
}

bool FrontHandle::step(FrontPhase next) { return take_step(phase_, next, kSteps, describe()); }

// --- the process

base::Result<void> FrontHandle::start(const control::FrontBoot& boot,
                                      const std::optional<os::Identity>& identity) {
    requests_before_ = block_.requests.load(std::memory_order_relaxed);
    if (auto forked = fork(boot, identity); !forked) return forked;
    block_.incarnation.store(place_.incarnation, std::memory_order_relaxed);
    block_.pid.store(static_cast<std::uint64_t>(pid_), std::memory_order_relaxed);
    block_.last_spawn_unix.store(static_cast<std::uint64_t>(std::time(nullptr)),
                                 std::memory_order_relaxed);
    log::debug("front-started", "{} started, incarnation {}", describe(), place_.incarnation);
    deadline_.start(kStart, base::format("was not ready within {:.0f} s", seconds(kStart)));
    // From here on it is a child whose end is heard of, whatever goes wrong.
    auto opened = peer_->open();
    if (opened) opened = send_boot(boot);
    if (!opened) kill("could not be told what to do: " + opened.error().text);
    return {};
}

base::Result<void> FrontHandle::fork(const control::FrontBoot& boot,
                                     const std::optional<os::Identity>& identity) {
    auto pair = control::make_pair();
    if (!pair) return std::move(pair).failure();
    const int far = pair->far.get();
    os::SpawnPlan plan;
    plan.body = [this, far] { return holdings_.program.front(far); };
    plan.identity = identity;
    plan.descriptors = holdings_.log_target.inherited();
    for (const int fd : {far, boot.board_fd, boot.gate_fd}) plan.descriptors.push_back({fd, fd});
    if (boot.tls_fd >= 0) plan.descriptors.push_back({boot.tls_fd, boot.tls_fd});
    for (const net::ListenerInfo& listener : boot.listeners) {
        if (listener.fd >= 0 && listener.slot_fds.empty())
            plan.descriptors.push_back({listener.fd, listener.fd});
        for (const int fd : listener.slot_fds) plan.descriptors.push_back({fd, fd});
    }
    auto pid = os::spawn(plan);
    if (!pid) return std::move(pid).failure();
    pid_ = *pid;
    started_ = holdings_.loop.now();
    int status = 0;
    holdings_.children.watch(pid_, *this, status);  // cannot have been reaped: the loop has not run
    peer_ = std::make_unique<Peer>(holdings_.loop, std::move(pair->near), *this);
    return {};
}

base::Result<void> FrontHandle::send_boot(const control::FrontBoot& boot) {
    auto block = control::write_front_boot(boot);
    if (!block) return std::move(block).failure();
    control::Message first;
    first.kind = Kind::front_boot;
    first.slot = place_.number;
    first.value = place_.incarnation;
    first.descriptors.push_back(std::move(*block));
    tell(std::move(first));
    return {};
}

void FrontHandle::retire(Milliseconds mercy, bool succeeded) {
    if (phase_ == Phase::dead) return;
    told_to_end_ = true;
    // It has no client yet.
    if (phase_ == Phase::starting) return kill("was not ready yet");
    if (phase_ != Phase::retiring) step(Phase::retiring);
    deadline_.start(mercy, base::format("still had work after {:.1f} s of mercy", seconds(mercy)));
    control::Message order;
    order.kind = Kind::retire;
    order.generation = succeeded ? 1 : 0;
    order.value = static_cast<std::uint64_t>(mercy.count());
    tell(std::move(order));
}

void FrontHandle::reopen_log(int fd) {
    control::Message order;
    order.kind = Kind::reopen_log;
    order.descriptors.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!order.descriptors.front())
        return log::warning("reopen-failed", "{} keeps the old log: {}", describe(),
                            base::fail_errno("cannot hand it on").error.text);
    tell(std::move(order));
}

void FrontHandle::end_at_once(const std::string& why) {
    told_to_end_ = true;
    kill(why);
}

void FrontHandle::kill(const std::string& why) {
    if (phase_ == Phase::dead || pid_ == 0) return;
    deadline_.stop();
    if (killed_because_.empty()) killed_because_ = why;
    Children::kill(pid_);
}

// --- what it is told

void FrontHandle::tell(control::Message message) {
    if (phase_ == Phase::dead || !peer_ || !peer_->is_open()) return;
    if (unsent_.empty()) unsent_since_ = holdings_.loop.now();
    unsent_.push_back(std::move(message));
    if (sending_ == 0) send_on();
}

void FrontHandle::send_on() {
    while (!unsent_.empty()) {
        std::vector<int> descriptors;
        for (const os::Fd& fd : unsent_.front().descriptors) descriptors.push_back(fd.get());
        auto sent = peer_->send(unsent_.front(), descriptors);
        if (!sent && is_passing(sent.error().code)) break;
        if (!sent) return stop_sending();  // it is dying, and its end says more
        unsent_.pop_front();
        unsent_since_ = holdings_.loop.now();
    }
    if (unsent_.empty()) return;
    if (holdings_.loop.now() - unsent_since_ > kStuck) {
        stop_sending();
        return kill("did not read its orders");
    }
    sending_ = holdings_.loop.start_timer(kSendAgain, [this] {
        sending_ = 0;
        send_on();
    });
}

void FrontHandle::stop_sending() {
    if (sending_ != 0) holdings_.loop.cancel_timer(sending_);
    sending_ = 0;
    unsent_.clear();
}

// --- what it says

void FrontHandle::on_message(control::Message& message) {
    switch (message.kind) {
        case Kind::hello:
            return;
        case Kind::ready:
            if (phase_ != Phase::starting || !step(Phase::ready)) return;
            deadline_.stop();
            was_ready_ = true;
            return owner_.on_front_ready(*this);
        case Kind::broken:
            message.text = options::printable(message.text);
            return owner_.on_front_complains(*this, message);
        case Kind::drained:
            drained_ = phase_ == Phase::retiring;
            return owner_.on_front_drained(*this);
        case Kind::left:
            return;  // its end follows
        default:
            log::warning("odd-message", "{} sent message {}, which a front does not send",
                         describe(), static_cast<int>(message.kind));
    }
}

void FrontHandle::on_peer_closed(const std::string& reason) {
    if (phase_ == Phase::dead) return;
    stop_sending();
    if (killed_because_.empty())
        deadline_.start(kAfterClose,
                        reason.empty() ? "closed its control socket and lived on" : reason);
}

void FrontHandle::on_child_stopped(pid_t, int signal) {
    stop_watch_.on_stopped(describe(), signal, holdings_.loop.now());
}

void FrontHandle::on_child_continued(pid_t) {
    stop_watch_.on_continued(describe(), holdings_.loop.now());
}

void FrontHandle::on_child_end(pid_t, int wait_status) {
    if (peer_) peer_->drain();  // a complaint may still lie there
    deadline_.stop();
    stop_sending();
    const bool by_us = !killed_because_.empty();
    FrontEnd end;
    end.expected = told_to_end_;
    end.was_ready = was_ready_;
    end.cut_off = was_ready_ && by_us && block_.connections.load(std::memory_order_relaxed) != 0;
    end.lived = holdings_.loop.now() - started_;
    const Deaths::Verdict verdict =
        holdings_.deaths.take({Deaths::Role::front, wait_status, true,
                               by_us && (end.cut_off || !told_to_end_), told_to_end_},
                              holdings_.loop.now());
    end.text = base::format("{} {} after {:.1f} s and {} requests{}; it had {} connections",
                            describe(), verdict.how, seconds(end.lived),
                            block_.requests.load(std::memory_order_relaxed) - requests_before_,
                            peak_text(holdings_.children.peak_kib()),
                            block_.connections.load(std::memory_order_relaxed));
    if (by_us) end.text += "; the master ended it because it " + killed_because_;
    step(Phase::dead);
    if (peer_) peer_->close();
    pid_ = 0;
    block_.pid.store(0, std::memory_order_relaxed);
    if (!end.expected) stats::add(block_.deaths);
    owner_.on_front_dead(*this, end);
}

}  // namespace mew::master
