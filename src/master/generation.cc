#include "master/generation.h"

#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "base/format.h"
#include "master/listeners.h"
#include "master/transition.h"

namespace mew::master {
namespace {

using Phase = GenerationPhase;
using base::Milliseconds;

constexpr Step<Phase> kSteps[] = {
    {Phase::preparing, Phase::serving},  {Phase::preparing, Phase::rolling},
    {Phase::rolling, Phase::serving},    {Phase::serving, Phase::standby},
    {Phase::standby, Phase::preparing},  {Phase::serving, Phase::retiring},
    {Phase::preparing, Phase::retiring}, {Phase::rolling, Phase::retiring},
    {Phase::standby, Phase::retiring},   {Phase::retiring, Phase::gone},
};

// The counters of a slot that go on in the next generation.
constexpr stats::Counter stats::Slot::*kCarried[] = {
    &stats::Slot::deaths,         &stats::Slot::requests,      &stats::Slot::exceptions,
    &stats::Slot::accepted,       &stats::Slot::tx_bytes,      &stats::Slot::rx_bytes,
    &stats::Slot::running_us,     &stats::Slot::refused,       &stats::Slot::aborted,
    &stats::Slot::timeouts,       &stats::Slot::head_timeouts, &stats::Slot::body_timeouts,
    &stats::Slot::send_timeouts,  &stats::Slot::slow_clients,  &stats::Slot::keepalive_timeouts,
    &stats::Slot::too_large,      &stats::Slot::handed_on,     &stats::Slot::taken,
    &stats::Slot::dropped_fields, &stats::Slot::rescues,       &stats::Slot::accepted_late,
};

std::uint64_t get(const stats::Counter& counter) { return counter.load(std::memory_order_relaxed); }

void copy_counter(stats::Counter& to, const stats::Counter& from) {
    to.store(get(from), std::memory_order_relaxed);
}

}  // namespace

std::string_view name_of(GenerationPhase phase) {
    constexpr std::string_view kNames[] = {"preparing", "rolling",  "serving",
                                           "standby",   "retiring", "gone"};
    return kNames[static_cast<std::size_t>(phase)];
}

Generation::Generation(Holdings& holdings, GenerationOwner& owner, std::uint32_t number,
                       options::Loaded loaded, Interpreter interpreter)
    : holdings_(holdings),
      owner_(owner),
      number_(number),
      loaded_(std::move(loaded)),
      interpreter_(std::move(interpreter)),
      workers_(static_cast<std::size_t>(std::max(loaded_.options.processes, 1))),
      wanted_(workers_.size(), false),
      reserve_respawn_(holdings.loop),
      soon_(holdings.loop),
      substitution_(holdings, [this](std::uint32_t slot) { return order(slot); }),
      crash_loop_(workers_.size()) {
    respawns_.reserve(workers_.size());
    for (std::size_t i = 0; i < workers_.size(); ++i) respawns_.emplace_back(holdings.loop);
}

Generation::~Generation() = default;

bool Generation::step(GenerationPhase next) {
    return take_step(phase_, next, kSteps, "generation " + std::to_string(number_));
}

// Into a lane that nobody writes to: at a recall the other one may be that of a worker which
// drains.
void Generation::take_counts(stats::Board& before) {
    copy_counter(board_.header().started_unix, before.header().started_unix);
    copy_counter(board_.header().reloads, before.header().reloads);
    copy_counter(board_.header().reload_failures, before.header().reload_failures);
    copy_counter(board_.header().log_dropped, before.header().log_dropped);
    for (std::uint32_t id = 1; id <= std::min(before.slots(), board_.slots()); ++id) {
        const std::uint32_t lane = substitution_.lane_free(id, 0) ? 0 : 1;
        stats::Slot& slot = board_.slot(id, lane);
        for (const auto counter : kCarried) {
            const std::uint64_t sum = before.total(id, counter);
            const std::uint64_t here = get(board_.slot(id, 1 - lane).*counter);
            (slot.*counter).store(sum > here ? sum - here : 0, std::memory_order_relaxed);
        }
        slot.incarnation.store(
            std::max(get(before.newest(id).incarnation), get(board_.newest(id).incarnation)),
            std::memory_order_relaxed);
        copy_counter(slot.average_us, before.newest(id).average_us);
    }
}

base::Result<void> Generation::start(stats::Board* before) {
    if (auto grown = grow_listeners(holdings_, Serving::workers, loaded_.options.processes); !grown)
        return grown;
    auto board = stats::Board::create(slots());
    if (!board) return std::move(board).failure();
    board_ = std::move(*board);
    if (before != nullptr) {
        take_counts(*before);
    } else {
        board_.header().started_unix.store(static_cast<std::uint64_t>(std::time(nullptr)),
                                           std::memory_order_relaxed);
    }
    return start_zygote();
}

control::Boot Generation::describe_boot() const {
    control::Boot boot;
    boot.loaded = loaded_;
    if (workers_import()) boot.loaded.options.lazy_apps = true;
    boot.build_id = control::build_id();
    boot.master_pid = ::getpid();
    boot.generation = number_;
    boot.board_fd = board_.fd();
    boot.gate_fd = holdings_.gate.fd();
    boot.bell_fd = holdings_.bell.get();
    boot.log_fd = holdings_.log_target.event_fd();
    boot.log_colour = holdings_.log_target.colour();
    boot.handover_fd = holdings_.handover.near.get();
    boot.handover_take_fd = holdings_.handover.far.get();
    for (const net::Listener& listener : holdings_.listeners) {
        net::ListenerInfo& info = boot.listeners.emplace_back(listener.info);
        if (!info.routed) continue;
        info.fd = -1;
        info.slot_fds.clear();
    }
    boot.package_dir = holdings_.program.package_dir;
    boot.interpreter_reason = interpreter_.reason;
    return boot;
}

base::Result<void> Generation::start_zygote() {
    zygote_ = std::make_unique<ZygoteHandle>(holdings_, *this, number_);
    auto started = zygote_->start(describe_boot(), interpreter_.path);
    if (!started) holdings_.loop.defer_delete(std::move(zygote_));
    return started;
}

void Generation::recall(stats::Board& before) {
    if (!step(Phase::preparing)) return;
    take_counts(before);
    crash_loop_ = CrashLoop(slots());
    // Whoever recalls is in the middle of an event of the one that fails.
    soon_.schedule([this] {
        if (phase_ == Phase::preparing && zygote_) owner_.on_generation_loaded(*this);
    });
}

void Generation::serve() {
    if (!step(Phase::serving)) return;
    for (std::uint32_t slot = 1; slot <= slots(); ++slot) serve_slot(slot);
    if (!reserve_) order_reserve_later();
}

std::vector<WorkerHandle*> Generation::all_workers() const {
    std::vector<WorkerHandle*> all = substitution_.all();
    for (const auto& worker : workers_) {
        if (worker) all.push_back(worker.get());
    }
    return all;
}

// Nothing of it is filled or forked any more.
void Generation::cease() {
    if (phase_ < Phase::retiring) step(Phase::retiring);
    std::fill(wanted_.begin(), wanted_.end(), false);
    for (Respawn& respawn : respawns_) respawn.cancel();
    reserve_respawn_.cancel();
    soon_.cancel();
    substitution_.cancel();
}

void Generation::leave_zygotes() {
    // The reserve first: it shall not take the other's place.
    if (reserve_) reserve_->leave();
    if (zygote_) zygote_->leave();
}

void Generation::retire(Milliseconds mercy, std::uint32_t successor) {
    cease();
    leave_zygotes();
    for (WorkerHandle* worker : all_workers()) worker->retire(mercy, successor);
    check_gone();
}

void Generation::stand_by(Milliseconds mercy, std::uint32_t successor) {
    if (!zygote_ || !step(Phase::standby)) return retire(mercy, successor);
    for (std::uint32_t slot = 1; slot <= slots(); ++slot) give_up(slot, mercy, successor);
    reserve_respawn_.cancel();
    // One is enough to come back from.
    if (reserve_) reserve_->leave();
}

void Generation::kill(const std::string& why) {
    cease();
    // The zygotes first: they must not fork what nobody would know.
    if (reserve_) reserve_->kill();
    if (zygote_) zygote_->kill();
    for (WorkerHandle* worker : all_workers()) worker->kill(why);
    check_gone();
}

void Generation::reopen_log(int fd) {
    if (zygote_) zygote_->reopen_log(fd);
    if (reserve_) reserve_->reopen_log(fd);
    for (WorkerHandle* worker : all_workers()) worker->reopen_log(fd);
}

void Generation::fail(const Failure& failure) {
    if (!coming()) return;
    owner_.on_generation_failed(*this, failure);
}

void Generation::check_gone() {
    if (phase_ != Phase::retiring || zygote_ || reserve_ || has_workers()) return;
    if (owner_.has_tasks(*this)) return;
    if (step(Phase::gone)) owner_.on_generation_gone(*this);
}

}  // namespace mew::master
