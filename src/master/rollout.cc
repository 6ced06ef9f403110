#include "master/rollout.h"

#include <algorithm>

#include "base/format.h"
#include "master/transition.h"

namespace mew::master {
namespace {

using Phase = RolloutPhase;

constexpr Step<Phase> kSteps[] = {
    {Phase::idle, Phase::leaving},    {Phase::idle, Phase::loading},
    {Phase::leaving, Phase::loading}, {Phase::loading, Phase::filling},
    {Phase::leaving, Phase::idle},    {Phase::loading, Phase::idle},
    {Phase::filling, Phase::idle},
};

}  // namespace

Strategy parse_strategy(std::string_view text) {
    if (text == "roll") return Strategy::roll;
    if (text == "chain") return Strategy::chain;
    if (text == "stop-start") return Strategy::stop_start;
    return Strategy::whole;
}

std::string_view name_of(Strategy strategy) {
    constexpr std::string_view kNames[] = {"whole", "roll", "chain", "stop-start"};
    return kNames[static_cast<std::size_t>(strategy)];
}

std::string_view name_of(RolloutPhase phase) {
    constexpr std::string_view kNames[] = {"idle", "leaving", "loading", "filling"};
    return kNames[static_cast<std::size_t>(phase)];
}

bool Rollout::step(RolloutPhase next) { return take_step(phase_, next, kSteps, "rollout"); }

void Rollout::set_out(Strategy strategy, Generation* from, Generation& to, bool checked) {
    strategy_ = strategy;
    checked_ = checked;
    stopped_old_ = false;
    from_ = from;
    to_ = &to;
    slots_.assign(to.slots(), Slot::untouched);
    checks_.clear();
    checks_.resize(to.slots());
}

base::Result<void> Rollout::begin(Strategy strategy, Generation* from, Generation& to,
                                  bool checked) {
    set_out(from == nullptr ? Strategy::whole : strategy, from, to,
            checked && !to.loaded().options.reload_check.empty());
    if (strategy_ == Strategy::stop_start) {
        step(Phase::leaving);
        stopped_old_ = true;
        log::info("stop-start", "generation {} leaves before generation {} starts", from->number(),
                  to.number());
        from->retire(from->loaded().options.worker_reload_mercy, 0);
        return {};
    }
    step(Phase::loading);
    auto started = to.start(from != nullptr ? &from->board() : nullptr);
    if (!started) step(Phase::idle);
    return started;
}

void Rollout::begin_recall(Generation& from, Generation& to) {
    set_out(Strategy::whole, &from, to, false);
    step(Phase::loading);
    to.recall(from.board());
}

void Rollout::undo() {
    if (!running()) return;
    step(Phase::idle);
    for (auto& check : checks_) holdings_.loop.defer_delete(std::move(check));
    checks_.clear();
    if (from_ == nullptr || stopped_old_) return;
    holdings_.gate.set_serving(from_->number(), from_->number());
    if (strategy_ == Strategy::whole) return;
    from_->fill_all();
}

bool Rollout::on_gone(Generation& generation) {
    if (phase_ != Phase::leaving || &generation != from_) return false;
    step(Phase::loading);
    Generation& to = *to_;
    // It still exists, to the end of this event: its counts go on.
    if (auto started = to.start(&generation.board()); !started)
        to.fail({kExitError, started.error().text});
    from_ = nullptr;
    return true;
}

void Rollout::on_loaded(const Generation& generation) {
    if (phase_ != Phase::loading || &generation != to_) return;
    step(Phase::filling);
    start_next();
}

std::size_t Rollout::parallel() const {
    if (strategy_ != Strategy::roll && strategy_ != Strategy::chain) return slots_.size();
    return static_cast<std::size_t>(std::max(to_->loaded().options.reload_parallel, 1));
}

bool Rollout::old_has(std::uint32_t slot) const {
    return from_ != nullptr && slot <= from_->slots();
}

// As many slots in change as may be, in their order.
void Rollout::start_next() {
    const auto in_change = [](Slot slot) {
        return slot != Slot::untouched && slot != Slot::passed;
    };
    for (std::uint32_t slot = 1; slot <= slots_.size() && phase_ == Phase::filling; ++slot) {
        if (slots_[slot - 1] != Slot::untouched) continue;
        const auto busy = std::count_if(slots_.begin(), slots_.end(), in_change);
        if (static_cast<std::size_t>(busy) >= parallel()) return;
        begin_slot(slot);
    }
    const auto passed = [](Slot slot) { return slot == Slot::passed; };
    if (phase_ == Phase::filling && std::all_of(slots_.begin(), slots_.end(), passed)) finish();
}

void Rollout::begin_slot(std::uint32_t slot) {
    if (strategy_ == Strategy::chain && old_has(slot)) {
        slots_[slot - 1] = Slot::leaving;
        return from_->give_up(slot, from_->loaded().options.worker_reload_mercy, to_->number());
    }
    slots_[slot - 1] = Slot::starting;
    to_->fill(slot);
}

void Rollout::on_slot_left(const Generation& generation, std::uint32_t slot) {
    if (phase_ != Phase::filling || &generation != from_ || slot > slots_.size()) return;
    if (slots_[slot - 1] != Slot::leaving) return;
    slots_[slot - 1] = Slot::starting;
    to_->fill(slot);
}

void Rollout::on_slot_ready(const Generation& generation, std::uint32_t slot) {
    if (phase_ != Phase::filling || &generation != to_) return;
    // One that had its slot already and died: its successor need not prove itself again.
    if (slots_[slot - 1] == Slot::passed) {
        if (to_->phase() == GenerationPhase::rolling) to_->serve_slot(slot);
        return;
    }
    if (!checked_) return pass(slot);
    slots_[slot - 1] = Slot::checking;
    check(slot);
}

void Rollout::check(std::uint32_t slot) {
    WorkerHandle* const worker = to_->worker(slot);
    if (worker == nullptr) return;
    const options::Options& options = to_->loaded().options;
    auto check = std::make_unique<HealthCheck>(
        holdings_.loop, [this, slot](const std::string& wrong) { on_checked(slot, wrong); });
    auto connection = check->begin(options.reload_check, options.reload_check_timeout);
    checks_[slot - 1] = std::move(check);
    const auto asked = connection ? worker->check(std::move(*connection))
                                  : base::Result<void>(std::move(connection).failure());
    if (!asked) on_checked(slot, asked.error().text);
}

void Rollout::on_checked(std::uint32_t slot, const std::string& wrong) {
    if (phase_ != Phase::filling) return;
    holdings_.loop.defer_delete(std::move(checks_[slot - 1]));
    if (wrong.empty()) return pass(slot);
    // Its own death says more than the end of a connection.
    WorkerHandle* const worker = to_->worker(slot);
    const std::string who =
        worker != nullptr ? worker->describe() : "worker " + std::to_string(slot);
    to_->fail({kExitError, base::format("reload-check {}: {} {}",
                                        to_->loaded().options.reload_check, who, wrong)});
}

void Rollout::pass(std::uint32_t slot) {
    slots_[slot - 1] = Slot::passed;
    if (strategy_ == Strategy::roll || strategy_ == Strategy::chain) {
        let_two_serve();
        to_->serve_slot(slot);
        if (strategy_ == Strategy::roll && old_has(slot))
            from_->give_up(slot, from_->loaded().options.worker_reload_mercy, to_->number());
    }
    start_next();
}

void Rollout::let_two_serve() { holdings_.gate.set_serving(from_->number(), to_->number()); }

void Rollout::finish() {
    step(Phase::idle);
    done_();
}

}  // namespace mew::master
