// The zygote of a generation and its reserve: a fork of the zygote that stands still like it, and
// takes its place should it die, with the very code that was imported once.
// The class is described in generation.h.

#include "base/format.h"
#include "master/generation.h"

namespace mew::master {

using Phase = GenerationPhase;
using base::Milliseconds;

void Generation::on_zygote_ready(ZygoteHandle& zygote, const std::string& about) {
    if (&zygote == reserve_.get()) {
        reserve_respawn_.on_ready();
        if (!zygote_) promote_reserve();
        return;
    }
    if (!about.empty()) log::info("app-loaded", "{}", about);
    if (phase_ == Phase::preparing && !fell_back_) return owner_.on_generation_loaded(*this);
    // Another zygote that imports nothing: see fall_back().
    fill_wanted();
    substitution_.go_on();
    if (phase_ != Phase::serving) return;
    owner_.on_zygote_ready(*this);
    if (!reserve_) order_reserve_later();
}

bool Generation::can_fork() const {
    return lives() && zygote_ && zygote_->phase() == ZygotePhase::ready;
}

base::Result<void> Generation::order_task(const TaskPlace& place, int far_end) {
    return zygote_->order_task(place.number, place.name, place.order, far_end);
}

void Generation::on_task_spawned(ZygoteHandle&, const control::Message& message) {
    owner_.on_task_spawned(*this, message);
}

void Generation::on_zygote_dead(ZygoteHandle& zygote, const Failure& failure) {
    if (&zygote == reserve_.get()) return on_reserve_dead();
    holdings_.loop.defer_delete(std::move(zygote_));
    if (std::exchange(zygote_outdated_, false) && lives()) return restart_zygote_later();
    if (phase_ == Phase::standby) return retire(loaded_.options.worker_reload_mercy, number_ + 1);
    if (reserve_ && phase_ == Phase::serving) {
        if (reserve_->phase() == ZygotePhase::ready) promote_reserve();
        return;  // else as soon as it is
    }
    if (coming()) return fail(failure);
    if (phase_ != Phase::serving) return check_gone();
    owner_.on_zygote_lost(*this);
}

void Generation::restart_zygote_later() {
    soon_.schedule([this] {
        if (!lives() || zygote_) return;
        const auto started = start_zygote();
        if (started) return;
        if (coming()) return fail({kExitError, started.error().text});
        log::error("zygote-failed", "{}", started.error().text);
        owner_.on_zygote_lost(*this);
    });
}

void Generation::promote_reserve() {
    zygote_ = std::move(reserve_);
    zygote_->promote();
    log::warning("zygote-replaced",
                 "generation {}: its reserve (pid {}) takes the zygote's place; nothing is "
                 "imported again",
                 number_, zygote_->pid());
    fill_wanted();
    substitution_.go_on();
    owner_.on_zygote_ready(*this);
    order_reserve_later();
}

void Generation::on_reserve_dead() {
    const bool was_ready = reserve_->was_ready();
    holdings_.loop.defer_delete(std::move(reserve_));
    if (phase_ != Phase::serving) return check_gone();
    if (!zygote_ && soon_.waiting()) return;  // the next one comes, see fall_back()
    if (!zygote_) return owner_.on_zygote_lost(*this);
    reserve_respawn_.on_death(was_ready);
    order_reserve_later();
}

// From the loop: after a commit or a death there are workers to fork first.
void Generation::order_reserve_later() {
    reserve_respawn_.schedule([this] { order_reserve(); });
}

void Generation::order_reserve() {
    if (phase_ != Phase::serving || reserve_ || !can_fork()) return;
    reserve_ = std::make_unique<ZygoteHandle>(holdings_, *this, number_);
    if (auto ordered = reserve_->start_from(*zygote_); !ordered) {
        log::error("spawn-failed", "the zygote's reserve could not be ordered: {}",
                   ordered.error().text);
        holdings_.loop.defer_delete(std::move(reserve_));
        reserve_respawn_.on_death(false);
        order_reserve_later();
    }
}

}  // namespace mew::master
