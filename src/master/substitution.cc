#include "master/substitution.h"

#include <algorithm>

namespace mew::master {

void Substitution::ask(std::uint32_t slot) {
    if (std::find(wanted_.begin(), wanted_.end(), slot) == wanted_.end()) wanted_.push_back(slot);
    go_on();
}

void Substitution::go_on() {
    if (coming_ || !leaving_.empty() || wanted_.empty() || respawn_.waiting()) return;
    coming_ = order_(wanted_.front());
    if (coming_) return;
    // The zygote is not there, or out of something: who was replaced serves on meanwhile.
    respawn_.on_death(false);
    respawn_.schedule([this] { go_on(); });
}

void Substitution::forget(std::uint32_t slot) {
    if (is_coming(slot)) return;  // it is on its way and takes the empty place
    wanted_.erase(std::remove(wanted_.begin(), wanted_.end(), slot), wanted_.end());
}

std::unique_ptr<WorkerHandle> Substitution::take(std::unique_ptr<WorkerHandle> old) {
    if (!wanted_.empty()) wanted_.pop_front();
    respawn_.on_ready();
    if (old) leaving_.push_back(std::move(old));
    return std::move(coming_);
}

bool Substitution::on_dead(WorkerHandle& worker, const WorkerEnd& end, bool may_retry) {
    if (is_substitute(worker)) {
        holdings_.loop.defer_delete(std::move(coming_));
        const base::Milliseconds delay = respawn_.on_death(end.was_ready);
        log::warning("substitute-failed",
                     "the substitute for worker {} did not become ready; the worker serves on, and "
                     "the next try is in {:.1f} s",
                     worker.place().slot, std::chrono::duration<double>(delay).count());
        if (may_retry) respawn_.schedule([this] { go_on(); });
        return true;
    }
    const auto found = std::find_if(leaving_.begin(), leaving_.end(),
                                    [&](const auto& held) { return held.get() == &worker; });
    if (found == leaving_.end()) return false;
    holdings_.loop.defer_delete(std::move(*found));
    leaving_.erase(found);
    if (may_retry) go_on();
    return true;
}

bool Substitution::lane_free(std::uint32_t slot, std::uint64_t incarnation) const {
    const auto all = this->all();
    return std::none_of(all.begin(), all.end(), [&](const WorkerHandle* worker) {
        return worker->place().slot == slot &&
               stats::lane_of(worker->place().incarnation) == stats::lane_of(incarnation);
    });
}

WorkerHandle* Substitution::find(std::uint32_t slot, std::uint64_t incarnation) const {
    for (WorkerHandle* worker : all()) {
        if (worker->place().slot == slot && worker->place().incarnation == incarnation)
            return worker;
    }
    return nullptr;
}

std::vector<WorkerHandle*> Substitution::all() const {
    std::vector<WorkerHandle*> list;
    if (coming_) list.push_back(coming_.get());
    for (const auto& worker : leaving_) list.push_back(worker.get());
    return list;
}

}  // namespace mew::master
