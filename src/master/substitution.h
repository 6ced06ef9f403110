#pragma once
// Replacing a worker that served enough (max-requests) without anybody noticing: its substitute is
// forked and made ready first, then it serves and the old one retires, handing its connections on.
// One at a time in a generation, so that never more than one slot is in change. Owned and called by
// its generation.

#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "master/respawn.h"
#include "master/state.h"
#include "master/worker_handle.h"

namespace mew::master {

class Substitution {
public:
    using Order = std::function<std::unique_ptr<WorkerHandle>(std::uint32_t slot)>;

    // `order` forks a worker for a slot; null: not possible just now.
    Substitution(Holdings& holdings, Order order)
        : holdings_(holdings), order_(std::move(order)), respawn_(holdings.loop) {}

    // `slot` wants a substitute.
    void ask(std::uint32_t slot);
    // Goes on where something had to be waited for: the zygote, an old one that leaves.
    void go_on();
    // Its worker died by itself: the ordinary respawn fills the slot.
    void forget(std::uint32_t slot);
    void cancel() { respawn_.cancel(); }

    // Is the worker one of ours, and which?
    bool is_substitute(const WorkerHandle& worker) const { return coming_.get() == &worker; }
    bool is_coming(std::uint32_t slot) const { return coming_ && coming_->place().slot == slot; }
    // A worker that leaves and is not replaced from here: ours to watch until it is gone.
    void see_off(std::unique_ptr<WorkerHandle> worker) { leaving_.push_back(std::move(worker)); }
    // The substitute is ready: it is the caller's, and `old`, which may be null, is ours to watch.
    std::unique_ptr<WorkerHandle> take(std::unique_ptr<WorkerHandle> old);
    // Death of a worker of ours; false: it is none.
    bool on_dead(WorkerHandle& worker, const WorkerEnd& end, bool may_retry);
    // No worker of ours uses the lane of this incarnation.
    bool lane_free(std::uint32_t slot, std::uint64_t incarnation) const;

    // What its generation had before an upgrade: who wants a substitute, who comes, who leaves.
    void take_over(const state::Generation& from);
    void take_over(std::unique_ptr<WorkerHandle> worker, state::Worker::Place place);
    void to_state(state::Generation& into) const;

    WorkerHandle* find(std::uint32_t slot, std::uint64_t incarnation) const;
    std::vector<WorkerHandle*> all() const;
    bool empty() const { return !coming_ && leaving_.empty(); }

private:
    Holdings& holdings_;
    Order order_;
    std::deque<std::uint32_t> wanted_;  // slots, in the order they asked
    std::unique_ptr<WorkerHandle> coming_;
    std::vector<std::unique_ptr<WorkerHandle>> leaving_;
    Respawn respawn_;
};

}  // namespace mew::master
