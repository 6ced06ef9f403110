// The slots of a generation: who works there, and what follows when that one dies.
// The class is described in generation.h.

#include <algorithm>

#include "base/format.h"
#include "master/generation.h"

namespace mew::master {

using Phase = GenerationPhase;
using base::Milliseconds;

void Generation::fill(std::uint32_t slot) {
    if (!lives()) return;
    wanted_[slot - 1] = true;
    order_worker(slot);
}

void Generation::fill_all() {
    for (std::uint32_t slot = 1; slot <= slots(); ++slot) fill(slot);
}

void Generation::serve_slot(std::uint32_t slot) {
    if (phase_ == Phase::preparing) step(Phase::rolling);
    WorkerHandle* const worker = this->worker(slot);
    if (worker != nullptr && worker->phase() == WorkerPhase::ready) worker->serve();
}

void Generation::give_up(std::uint32_t slot, Milliseconds mercy, std::uint32_t successor) {
    wanted_[slot - 1] = false;
    respawns_[slot - 1].cancel();
    substitution_.forget(slot);
    auto& worker = workers_[slot - 1];
    // Out of its place before it retires, which may end it at once.
    WorkerHandle* const old = worker.get();
    if (old == nullptr) return owner_.on_slot_left(*this, slot);
    substitution_.see_off(std::move(worker));
    old->retire(mercy, successor);
}

void Generation::fill_wanted() {
    for (std::uint32_t slot = 1; slot <= slots(); ++slot) {
        if (!respawns_[slot - 1].waiting()) order_worker(slot);
    }
}

void Generation::order_worker(std::uint32_t slot) {
    if (!lives() || !wanted_[slot - 1] || workers_[slot - 1] || substitution_.is_coming(slot))
        return;
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
    place.preloaded = !workers_import();
    place.start_limit = loaded_.options.worker_start_timeout;
    place.cores = loaded_.options.threads;
    stats::Slot& board = board_.slot(slot, stats::lane_of(place.incarnation));
    auto worker = std::make_unique<WorkerHandle>(holdings_, *this, board, place);
    auto expected = worker->expect(std::move(pair->near), zygote_->build());
    if (expected) expected = zygote_->order_worker(slot, place.incarnation, pair->far.get());
    if (expected) return worker;
    log::error("spawn-failed", "worker {} could not be ordered: {}", slot, expected.error().text);
    respawn_later(slot);
    return nullptr;
}

void Generation::respawn_later(std::uint32_t slot) {
    respawns_[slot - 1].schedule([this, slot] { order_worker(slot); });
}

void Generation::on_worker_spawned(ZygoteHandle&, const control::Message& message) {
    if (message.slot == control::kReserveSlot && reserve_ && message.value == reserve_->order())
        return reserve_->on_spawned(message.pid);
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
                            worker.pid(), worker.place().cores),
               {{"worker", std::int64_t{slot}},
                {"worker_pid", std::int64_t{worker.pid()}},
                {"generation", std::int64_t{number_}}});
}

void Generation::on_worker_ready(WorkerHandle& worker) {
    const std::uint32_t slot = worker.place().slot;
    respawns_[slot - 1].on_ready();
    announce(worker);
    if (substitution_.is_substitute(worker)) return put_in_place(worker);
    if (phase_ == Phase::serving) return worker.serve();
    owner_.on_slot_ready(*this, slot);
}

void Generation::put_in_place(WorkerHandle& substitute) {
    const std::uint32_t slot = substitute.place().slot;
    if (!wanted_[slot - 1]) return substitute.kill("was not needed any more");
    WorkerHandle* const old = workers_[slot - 1].get();
    workers_[slot - 1] = substitution_.take(std::move(workers_[slot - 1]));
    substitute.serve();
    if (old != nullptr) old->retire(loaded_.options.worker_reload_mercy, number_);
}

void Generation::on_worker_request(WorkerHandle& worker, control::Kind request) {
    if (phase_ != Phase::serving) return;
    if (request == control::Kind::worn) return substitution_.ask(worker.place().slot);
    owner_.on_app_request(*this, request);
}

bool Generation::workers_import() const {
    const options::Options& options = loaded_.options;
    return fell_back_ || options.lazy_apps || options.preload == options::Preload::off;
}

// At most once: workers of the zygote that goes now which are not ready by then are ordered again.
void Generation::fall_back(const WorkerHandle& late) {
    if (std::exchange(fell_back_, true)) return;
    log::warning(
        "preload-given-up",
        "worker {}, forked from the imported app, was not ready within {:g} s; from now on each "
        "worker of generation {} imports the app by itself. Probably the import started a thread, "
        "and the fork left a lock behind that it held; start threads in @postfork or use "
        "--lazy-apps",
        late.place().slot,
        std::chrono::duration<double>(loaded_.options.worker_start_timeout).count(), number_);
    if (!zygote_) return;
    zygote_outdated_ = true;
    if (reserve_) reserve_->kill();
    zygote_->kill();
}

void Generation::log_end(const WorkerEnd& end) const {
    if (end.cut_off) {
        log::warning("worker-killed", "{}", end.text);
    } else if (end.expected || phase_ >= Phase::standby || (end.late && fell_back_)) {
        log::debug("worker-left", "{}", end.text);
    } else {
        log::error("worker-died", "{}", end.text);
    }
}

void Generation::on_worker_dead(WorkerHandle& worker, const WorkerEnd& end) {
    const std::uint32_t slot = worker.place().slot;
    const bool never_ready = lives() && worker.place().preloaded && !end.was_ready;
    if (never_ready && end.late) fall_back(worker);
    log_end(end);
    if (substitution_.on_dead(worker, end, phase_ == Phase::serving)) {
        owner_.on_slot_left(*this, slot);
        return check_gone();
    }
    substitution_.forget(slot);
    holdings_.loop.defer_delete(std::move(workers_[slot - 1]));
    if (never_ready && fell_back_) return fill_wanted();
    if (coming() && !end.served) {
        Failure failure;
        failure.status = end.failed_status != 0 ? end.failed_status : kExitError;
        failure.text = end.why.empty() ? end.text : end.why;
        return fail(failure);
    }
    if (!lives()) return check_gone();
    refill(slot, end);
}

void Generation::refill(std::uint32_t slot, const WorkerEnd& end) {
    if (!end.why.empty()) log::error("worker-failed", "{}", end.why);
    // One that was never forked tells nothing: its zygote died with the order.
    const bool never_was = end.phase == WorkerPhase::ordered;
    const Milliseconds delay = respawns_[slot - 1].on_death(end.was_ready || never_was);
    if (delay.count() > 0)
        log::warning("respawn-delayed", "worker {} starts again in {:.1f} s", slot,
                     std::chrono::duration<double>(delay).count());
    respawn_later(slot);
    if (!never_was) note_death(end);
}

void Generation::note_death(const WorkerEnd& end) {
    if (end.expected || end.from_outside) return;
    if (!crash_loop_.note(holdings_.loop.now())) return;
    log::error("crash-looping",
               "generation {} is crash looping: workers died {} times within {} s; the last one: "
               "{}",
               number_, crash_loop_.deaths(), CrashLoop::kWindow.count(), end.text);
    owner_.on_crash_loop(*this);
}

}  // namespace mew::master
