#include "client/deadlines.h"

#include <algorithm>

namespace mew::client {

Deadlines::~Deadlines() { loop_.cancel_timer(timer_); }

void Deadlines::arm(Timed& timed, Limit limit) {
    const base::Milliseconds duration = durations_[static_cast<std::size_t>(limit)];
    timed.limit_ = limit;
    if (duration <= base::Milliseconds{0}) {
        timed.unlink();
        return;
    }
    timed.due_ = loop_.now() + duration;
    lists_[static_cast<std::size_t>(limit)].push_back(timed);
    watch(timed.due_);
}

void Deadlines::arm_rest(Timed& timed, Limit limit, base::Milliseconds left) {
    arm(timed, limit);
    if (limit == Limit::none || left <= base::Milliseconds{0} || left >= duration(limit)) return;
    timed.due_ = loop_.now() + left;
    odd_.push_back(timed);
    watch(timed.due_);
}

base::Milliseconds Deadlines::left(const Timed& timed) const {
    if (timed.limit_ == Limit::none) return base::Milliseconds{0};
    return std::chrono::ceil<base::Milliseconds>(timed.due_ - loop_.now());
}

Timed* Deadlines::first(Limit limit) { return lists_[static_cast<std::size_t>(limit)].first(); }

void Deadlines::disarm(Timed& timed) {
    timed.limit_ = Limit::none;
    timed.unlink();
}

void Deadlines::watch(base::MonotonicTime due) {
    // The timer may fire early for a limit that was armed anew since; it is then set again. That is
    // cheaper than moving it with each request.
    if (timer_ != 0 && timer_due_ <= due) return;
    loop_.cancel_timer(timer_);
    timer_due_ = due;
    const auto left = std::chrono::ceil<base::Milliseconds>(due - loop_.now());
    timer_ = loop_.start_timer(std::max(left, base::Milliseconds{1}), [this] { expire(); });
}

base::MonotonicTime Deadlines::expire_odd() {
    base::MonotonicTime earliest = base::MonotonicTime::max();
    base::IntrusiveList<Timed, DeadlineTag> due;
    for (Timed* timed = odd_.first(); timed != nullptr;) {
        Timed* const next = odd_.after(*timed);
        if (timed->due_ <= loop_.now()) {
            due.push_back(*timed);
        } else {
            earliest = std::min(earliest, timed->due_);
        }
        timed = next;
    }
    while (!due.empty()) fire(due.front());
    return earliest;
}

void Deadlines::fire(Timed& timed) {
    const Limit limit = timed.limit_;
    disarm(timed);
    timed.on_limit(limit);
}

void Deadlines::expire() {
    timer_ = 0;
    base::MonotonicTime earliest = expire_odd();
    for (List& list : lists_) {
        while (!list.empty() && list.front().due_ <= loop_.now()) fire(list.front());
        if (!list.empty()) earliest = std::min(earliest, list.front().due_);
    }
    if (earliest != base::MonotonicTime::max()) watch(earliest);
}

}  // namespace mew::client
