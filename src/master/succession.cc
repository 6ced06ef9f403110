#include "master/succession.h"

#include <algorithm>

#include "base/format.h"
#include "master/memory_room.h"

namespace mew::master {

using base::Milliseconds;

Succession::Succession(Holdings& holdings, SuccessionOwner& owner)
    : holdings_(holdings),
      owner_(owner),
      generations_(holdings, *this),
      singletons_(holdings, {[this](std::uint32_t generation) { on_task_gone(generation); },
                             [this](std::uint32_t generation, control::Kind request) {
                                 on_task_request(generation, request);
                             }}),
      rollout_(holdings, [this] { commit(); }),
      retry_(holdings.loop) {}

Succession::~Succession() { stop_confirming(); }

void Succession::stop() {
    stopping_ = true;
    retry_.cancel();
    stop_confirming();
}

bool Succession::looping() const {
    const Generation* const committed = generations_.committed();
    return committed != nullptr && committed->crash_loop().looping(holdings_.loop.now());
}

std::string Succession::obstacle() {
    if (rollout_.running())
        return served_ ? "an older generation comes back" : "the server is still starting";
    if (generations_.count() < Generations::kMost) return {};
    for (const auto& generation : generations_.retiring()) {
        if (!generation->has_workers() || generation->phase() != GenerationPhase::retiring)
            continue;
        return base::format("workers of generation {} still finish their requests",
                            generation->number());
    }
    // Only zygotes on their way out, or one that stands by: it shall not keep the new code waiting.
    if (generations_.count() > Generations::kMost) return "an older generation is leaving";
    return {};
}

base::Result<void> Succession::prepare(options::Loaded loaded, Interpreter interpreter,
                                       Reload::Wish wish) {
    // The configuration was being read when an older generation was called back: newer code wins.
    if (std::exchange(recalling_, false)) {
        rollout_.undo();
        generations_.undo("newer code takes its place");
    }
    const Strategy strategy = wish.value_or(parse_strategy(loaded.options.reload_strategy));
    Generation* const from = generations_.committed();
    if (from != nullptr && strategy != Strategy::stop_start) {
        auto missing = missing_memory(needed_beside(*from), os::read_memory_room());
        if (!missing.empty()) return base::fail(std::move(missing));
    }
    Generation& to = generations_.make(std::move(loaded), std::move(interpreter));
    if (strategy == Strategy::stop_start) generations_.set_aside_committed();
    auto begun = rollout_.begin(strategy, from, to, served_);
    // What the old code holds, the new one shall find free while it imports.
    if (rollout_.stopped_old()) singletons_.leave();
    if (!begun) generations_.drop_prepared();
    return begun;
}

void Succession::on_generation_loaded(Generation& generation) { rollout_.on_loaded(generation); }

void Succession::on_slot_ready(Generation& generation, std::uint32_t slot) {
    rollout_.on_slot_ready(generation, slot);
}

void Succession::on_slot_left(Generation& generation, std::uint32_t slot) {
    rollout_.on_slot_left(generation, slot);
}

void Succession::commit() {
    if (stopping_) return;
    const Generation* const old = generations_.committed();
    const bool back = std::exchange(recalling_, false);
    Milliseconds mercy{0};
    if (old != nullptr) mercy = old->loaded().options.worker_reload_mercy;
    const auto confirm = generations_.prepared()->loaded().options.reload_confirm;
    generations_.commit(mercy, !back && confirm.count() > 0);
    holdings_.fronts.apply(generations_.committed()->loaded().options);
    retry_.on_ready();
    retry_.cancel();
    Generation& now = *generations_.committed();
    singletons_.commit(now, now.loaded().options);
    confirm_later();
    if (!std::exchange(served_, true)) return owner_.on_first_serves(now);
    std::string what = back ? "came back" : "reloaded";
    if (const std::string from = std::exchange(holdings_.upgraded_from, ""); !from.empty())
        what = base::format("upgraded from {} to {} (build {:016x})", from,
                            holdings_.program.version, control::build_id());
    const std::string text = base::format("{}: generation {} serves with {} worker{}", what,
                                          now.number(), now.slots(), now.slots() == 1 ? "" : "s");
    log::info("reloaded", "{}", text);
    stats::add(now.board().header().reloads);
    owner_.on_committed(now, text);
}

// The old generation's zygote waits so long for a crash loop of the new one.
void Succession::confirm_later() {
    stop_confirming();
    if (generations_.standby() == nullptr) return;
    confirm_at(holdings_.loop.now() + generations_.committed()->loaded().options.reload_confirm);
}

void Succession::confirm_at(base::MonotonicTime due) {
    confirm_due_ = due;
    const auto delay = std::max(
        std::chrono::duration_cast<Milliseconds>(due - holdings_.loop.now()), Milliseconds{0});
    confirm_ = holdings_.loop.start_timer(delay, [this] {
        confirm_ = 0;
        log::debug("confirmed", "generation {} is confirmed",
                   generations_.committed() ? generations_.committed()->number() : 0);
        generations_.end_standby();
    });
}

void Succession::stop_confirming() {
    if (confirm_ != 0) holdings_.loop.cancel_timer(confirm_);
    confirm_ = 0;
}

void Succession::on_crash_loop(Generation& generation) {
    if (stopping_ || &generation != generations_.committed()) return;
    // Something newer is under way and may be what mends it.
    if (!rollout_.running()) come_back();
}

void Succession::come_back() {
    Generation* const standby = generations_.standby();
    if (standby == nullptr) return;
    Generation& looping = *generations_.committed();
    stop_confirming();
    log::error("coming-back", "generation {} is crash looping: generation {} comes back",
               looping.number(), standby->number());
    stats::add(looping.board().header().reload_failures);
    generations_.recall();
    recalling_ = true;
    rollout_.begin_recall(looping, *generations_.prepared());
}

void Succession::on_generation_failed(Generation& generation, const Failure& failure) {
    if (stopping_) return generation.kill("the server is stopping");
    if (&generation != generations_.prepared()) return;
    const bool back = std::exchange(recalling_, false);
    rollout_.undo();
    if (!served_) {
        generations_.undo("start failed");
        return owner_.on_start_failed(generation, failure);
    }
    generations_.undo("its generation was rolled back");
    if (back) return log::error("coming-back", "it did not come back: {}", failure.text);
    Generation* const committed = generations_.committed();
    if (committed == nullptr) return fail_unserved(failure);
    stats::add(committed->board().header().reload_failures);
    owner_.on_reload_failed("reload rolled back, the running code stays", failure.text);
    if (committed->zygote() == nullptr && committed->reserve() == nullptr)
        return retry_later("its zygote is lost");
    if (looping() && !rollout_.running()) come_back();
}

void Succession::fail_unserved(const Failure& failure) {
    owner_.on_reload_failed("the reload failed, and nothing serves since the old code was stopped",
                            failure.text);
    retry_later("nothing serves");
}

void Succession::retry_later(const std::string& why) {
    const Milliseconds delay = retry_.on_death(false);
    log::warning("reload-again", "{}: the next try is in {:.1f} s", why,
                 std::chrono::duration<double>(delay).count());
    retry_.schedule([this, why] { owner_.on_reload_wanted("the master, as " + why); });
}

void Succession::on_zygote_lost(Generation& generation) {
    if (stopping_ || &generation != generations_.committed()) return;
    log::error(
        "zygote-lost",
        "generation {} lost its zygote and has no reserve: a new generation takes its place; "
        "its workers go on serving",
        generation.number());
    // From the loop: this is the middle of an event of that generation.
    retry_.on_ready();
    retry_.schedule([this] { owner_.on_reload_wanted("the loss of the zygote"); });
}

void Succession::on_generation_gone(Generation& generation) {
    log::debug("generation-gone", "generation {} is gone", generation.number());
    singletons_.forget(generation);
    if (!stopping_) rollout_.on_gone(generation);
    generations_.on_gone(generation);
    owner_.on_generation_left();
}

void Succession::on_app_request(Generation&, control::Kind request) { owner_.on_app_asks(request); }

void Succession::on_zygote_ready(Generation& generation) { singletons_.go_on(generation); }

void Succession::on_task_spawned(Generation&, const control::Message& message) {
    singletons_.on_task_spawned(message);
}

bool Succession::has_tasks(const Generation& generation) const {
    return singletons_.has_tasks_of(generation.number());
}

void Succession::on_task_gone(std::uint32_t generation) {
    if (Generation* const its = generations_.find(generation)) its->check_gone();
    owner_.on_generation_left();
}

void Succession::on_task_request(std::uint32_t generation, control::Kind request) {
    const Generation* const committed = generations_.committed();
    if (committed != nullptr && committed->number() == generation) owner_.on_app_asks(request);
}

}  // namespace mew::master
