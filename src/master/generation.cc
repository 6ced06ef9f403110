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
    {Phase::preparing, Phase::ready},  {Phase::ready, Phase::serving},
    {Phase::serving, Phase::retiring}, {Phase::preparing, Phase::retiring},
    {Phase::ready, Phase::retiring},   {Phase::retiring, Phase::gone},
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

void copy_counter(stats::Counter& to, const stats::Counter& from) {
    to.store(from.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

}  // namespace

std::string_view name_of(GenerationPhase phase) {
    constexpr std::string_view kNames[] = {"preparing", "ready", "serving", "retiring", "gone"};
    return kNames[static_cast<std::size_t>(phase)];
}

Generation::Generation(Holdings& holdings, GenerationOwner& owner, std::uint32_t number,
                       options::Loaded loaded, Interpreter interpreter)
    : holdings_(holdings),
      owner_(owner),
      number_(number),
      loaded_(std::move(loaded)),
      interpreter_(std::move(interpreter)),
      zygote_respawn_(holdings.loop),
      substitution_(holdings, [this](std::uint32_t slot) { return order(slot); }) {
    const int processes = std::max(loaded_.options.processes, 1);
    workers_.resize(static_cast<std::size_t>(processes));
    respawns_.reserve(workers_.size());
    for (std::size_t i = 0; i < workers_.size(); ++i) respawns_.emplace_back(holdings.loop);
}

Generation::~Generation() = default;

bool Generation::step(GenerationPhase next) {
    return take_step(phase_, next, kSteps, "generation " + std::to_string(number_));
}

void Generation::take_counts(stats::Board& before) {
    copy_counter(board_.header().started_unix, before.header().started_unix);
    copy_counter(board_.header().reloads, before.header().reloads);
    copy_counter(board_.header().reload_failures, before.header().reload_failures);
    copy_counter(board_.header().log_dropped, before.header().log_dropped);
    for (std::uint32_t id = 1; id <= std::min(before.slots(), board_.slots()); ++id) {
        stats::Slot& slot = board_.newest(id);
        for (const auto counter : kCarried)
            (slot.*counter).store(before.total(id, counter), std::memory_order_relaxed);
        copy_counter(slot.incarnation, before.newest(id).incarnation);
        copy_counter(slot.average_us, before.newest(id).average_us);
    }
}

base::Result<void> Generation::start(stats::Board* before) {
    if (auto grown = grow_listeners(holdings_, loaded_.options.processes); !grown) return grown;
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
    for (const net::Listener& listener : holdings_.listeners)
        boot.listeners.push_back(listener.info);
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

void Generation::serve() {
    if (!step(Phase::serving)) return;
    for (auto& worker : workers_) {
        if (worker && worker->phase() == WorkerPhase::ready) worker->serve();
    }
}

std::vector<WorkerHandle*> Generation::all_workers() const {
    std::vector<WorkerHandle*> all = substitution_.all();
    for (const auto& worker : workers_) {
        if (worker) all.push_back(worker.get());
    }
    return all;
}

void Generation::cease() {
    if (lives()) step(Phase::retiring);
    for (Respawn& respawn : respawns_) respawn.cancel();
    zygote_respawn_.cancel();
    substitution_.cancel();
}

void Generation::retire(Milliseconds mercy, std::uint32_t successor) {
    cease();
    if (zygote_) zygote_->leave();
    for (WorkerHandle* worker : all_workers()) worker->retire(mercy, successor);
    check_gone();
}

void Generation::kill(const std::string& why) {
    cease();
    // The zygote first: it must not fork what nobody would know.
    if (zygote_) zygote_->kill();
    for (WorkerHandle* worker : all_workers()) worker->kill(why);
    check_gone();
}

void Generation::reopen_log(int fd) {
    if (zygote_) zygote_->reopen_log(fd);
    for (WorkerHandle* worker : all_workers()) worker->reopen_log(fd);
}

void Generation::fill_slots() {
    for (std::uint32_t slot = 1; slot <= slots(); ++slot) {
        if (lives() && !workers_[slot - 1] && !respawns_[slot - 1].waiting()) order_worker(slot);
    }
}

void Generation::order_worker(std::uint32_t slot) {
    if (!lives() || workers_[slot - 1] || substitution_.is_coming(slot)) return;
    workers_[slot - 1] = order(slot);
}

std::uint64_t Generation::next_incarnation(std::uint32_t slot) {
    std::uint64_t next = board_.newest(slot).incarnation.load(std::memory_order_relaxed) + 1;
    if (!substitution_.lane_free(slot, next)) ++next;
    return next;
}

// Null without a zygote (on_zygote_ready then fills what is empty), and where it failed.
std::unique_ptr<WorkerHandle> Generation::order(std::uint32_t slot) {
    if (!zygote_ || zygote_->phase() != ZygotePhase::ready) return nullptr;
    auto pair = control::make_pair();
    if (!pair) {
        log::error("spawn-failed", "worker {}: {}", slot, pair.error().text);
        respawn_later(slot);
        return nullptr;
    }
    WorkerPlace place;
    place.slot = slot;
    place.generation = number_;
    place.incarnation = next_incarnation(slot);
    place.bounded_start = !loaded_.options.lazy_apps;
    stats::Slot& board = board_.slot(slot, stats::lane_of(place.incarnation));
    auto worker = std::make_unique<WorkerHandle>(holdings_, *this, board, place);
    auto expected = worker->expect(std::move(pair->near));
    if (expected) expected = zygote_->order_worker(slot, place.incarnation, pair->far.get());
    if (expected) return worker;
    log::error("spawn-failed", "worker {} could not be ordered: {}", slot, expected.error().text);
    respawn_later(slot);
    return nullptr;
}

void Generation::respawn_later(std::uint32_t slot) {
    respawns_[slot - 1].schedule([this, slot] { order_worker(slot); });
}

void Generation::on_zygote_ready(ZygoteHandle&, const std::string& about) {
    zygote_respawn_.on_ready();
    if (!about.empty()) log::info("app-loaded", "{}", about);
    fill_slots();
    substitution_.go_on();
}

void Generation::on_worker_spawned(ZygoteHandle&, const control::Message& message) {
    if (message.slot >= 1 && message.slot <= slots()) {
        WorkerHandle* worker = workers_[message.slot - 1].get();
        if (worker == nullptr || worker->place().incarnation != message.value)
            worker = substitution_.find(message.slot, message.value);
        if (worker != nullptr) return worker->on_spawned(message.pid);
    }
    // Forked for a handle that is gone by now. It sees the end of its socket; do not wait for it.
    log::debug("late-spawn", "worker {} (pid {}) came too late", message.slot, message.pid);
}

void Generation::announce(const WorkerHandle& worker) const {
    const std::uint32_t slot = worker.place().slot;
    const std::string only = slots() == 1 ? " (and the only)" : "";
    log::write(log::Level::info, "worker-spawned",
               base::format("spawned mewsgi worker {}{} (pid: {}, cores: {})", slot, only,
                            worker.pid(), loaded_.options.threads),
               {{"worker", std::int64_t{slot}},
                {"worker_pid", std::int64_t{worker.pid()}},
                {"generation", std::int64_t{number_}}});
}

void Generation::on_worker_ready(WorkerHandle& worker) {
    respawns_[worker.place().slot - 1].on_ready();
    announce(worker);
    if (substitution_.is_substitute(worker)) return put_in_place(worker);
    if (phase_ == Phase::serving) return worker.serve();
    check_ready();
}

void Generation::put_in_place(WorkerHandle& substitute) {
    const std::uint32_t slot = substitute.place().slot;
    WorkerHandle* const old = workers_[slot - 1].get();
    workers_[slot - 1] = substitution_.take(std::move(workers_[slot - 1]));
    substitute.serve();
    if (old != nullptr) old->retire(loaded_.options.worker_reload_mercy, number_);
}

void Generation::check_ready() {
    if (phase_ != Phase::preparing) return;
    for (const auto& worker : workers_) {
        if (!worker || worker->phase() != WorkerPhase::ready) return;
    }
    if (step(Phase::ready)) owner_.on_generation_ready(*this);
}

void Generation::on_worker_request(WorkerHandle& worker, control::Kind request) {
    if (phase_ != Phase::serving) return;
    if (request == control::Kind::worn) return substitution_.ask(worker.place().slot);
    owner_.on_app_request(*this, request);
}

void Generation::log_end(const WorkerEnd& end) const {
    if (end.cut_off) {
        log::warning("worker-killed", "{}", end.text);
    } else if (end.expected || phase_ == Phase::retiring) {
        log::debug("worker-left", "{}", end.text);
    } else {
        log::error("worker-died", "{}", end.text);
    }
}

void Generation::on_worker_dead(WorkerHandle& worker, const WorkerEnd& end) {
    const std::uint32_t slot = worker.place().slot;
    log_end(end);
    if (substitution_.on_dead(worker, end, phase_ == Phase::serving)) return check_gone();
    substitution_.forget(slot);
    holdings_.loop.defer_delete(std::move(workers_[slot - 1]));
    if (phase_ == Phase::preparing || phase_ == Phase::ready) {
        Failure failure;
        failure.status = end.failed_status != 0 ? end.failed_status : kExitError;
        failure.text = end.why.empty() ? end.text : end.why;
        return fail(failure);
    }
    if (phase_ != Phase::serving) return check_gone();
    if (!end.why.empty()) log::error("worker-failed", "{}", end.why);
    const Milliseconds delay = respawns_[slot - 1].on_death(end.was_ready);
    if (delay.count() > 0)
        log::warning("respawn-delayed", "worker {} starts again in {:.1f} s", slot,
                     std::chrono::duration<double>(delay).count());
    respawn_later(slot);
}

void Generation::on_zygote_dead(ZygoteHandle& zygote, const Failure& failure) {
    const bool was_ready = zygote.was_ready();
    holdings_.loop.defer_delete(std::move(zygote_));
    if (phase_ == Phase::preparing || phase_ == Phase::ready) return fail(failure);
    if (phase_ != Phase::serving) return check_gone();
    if (!was_ready) log::error("zygote-failed", "{}", failure.text);
    const Milliseconds delay = zygote_respawn_.on_death(was_ready);
    log::warning("zygote-respawn",
                 "generation {}: starting its zygote again{}; its workers go on serving", number_,
                 delay.count() > 0
                     ? base::format(" in {:.1f} s", std::chrono::duration<double>(delay).count())
                     : "");
    restart_zygote_later();
}

void Generation::restart_zygote_later() {
    zygote_respawn_.schedule([this] {
        if (auto started = start_zygote(); !started) {
            log::error("zygote-failed", "{}", started.error().text);
            zygote_respawn_.on_death(false);
            restart_zygote_later();
        }
    });
}

void Generation::fail(const Failure& failure) {
    if (phase_ != Phase::preparing && phase_ != Phase::ready) return;
    step(Phase::retiring);
    owner_.on_generation_failed(*this, failure);
}

void Generation::check_gone() {
    if (phase_ != Phase::retiring || zygote_ || !substitution_.empty()) return;
    for (const auto& worker : workers_) {
        if (worker) return;
    }
    if (step(Phase::gone)) owner_.on_generation_gone(*this);
}

}  // namespace mew::master
