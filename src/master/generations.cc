#include "master/generations.h"

#include <algorithm>

#include "base/check.h"

namespace mew::master {

Generation& Generations::make(options::Loaded loaded, Interpreter interpreter) {
    MEW_CHECK(!prepared_);
    prepared_ = std::make_unique<Generation>(holdings_, owner_, ++last_number_, std::move(loaded),
                                             std::move(interpreter));
    return *prepared_;
}

void Generations::drop_prepared() { holdings_.loop.defer_delete(std::move(prepared_)); }

void Generations::set_aside_committed() {
    if (committed_) retiring_.push_back(std::move(committed_));
}

Generation* Generations::standby() const {
    for (const auto& generation : retiring_) {
        if (generation->phase() == GenerationPhase::standby) return generation.get();
    }
    return nullptr;
}

Generation* Generations::find(std::uint32_t number) const {
    for (const auto* held : {&prepared_, &committed_}) {
        if (*held && (*held)->number() == number) return held->get();
    }
    for (const auto& generation : retiring_) {
        if (generation->number() == number) return generation.get();
    }
    return nullptr;
}

void Generations::recall() {
    MEW_CHECK(!prepared_);
    const Generation* const standby = this->standby();
    const auto found = std::find_if(retiring_.begin(), retiring_.end(),
                                    [&](const auto& held) { return held.get() == standby; });
    if (found == retiring_.end()) return;
    prepared_ = std::move(*found);
    retiring_.erase(found);
}

void Generations::commit(base::Milliseconds mercy_of_old, bool old_stands_by) {
    MEW_CHECK(prepared_);
    // Before the one of now may become it: only one stands by.
    end_standby();
    std::unique_ptr<Generation> old = std::exchange(committed_, std::move(prepared_));
    // First of all, so that no worker of another generation accepts any more.
    holdings_.gate.set_serving(committed_->number(), committed_->number());
    committed_->serve();
    if (!old) return;
    retiring_.push_back(std::move(old));
    Generation& left = *retiring_.back();
    if (old_stands_by) return left.stand_by(mercy_of_old, committed_->number());
    left.retire(mercy_of_old, committed_->number());
}

void Generations::undo(const std::string& why) {
    if (!prepared_) return;
    retiring_.push_back(std::move(prepared_));
    Generation& failed = *retiring_.back();
    // Some of its workers may be answering requests already.
    if (failed.phase() == GenerationPhase::rolling && committed_)
        return failed.retire(failed.loaded().options.worker_reload_mercy, committed_->number());
    failed.kill(why);
}

void Generations::end_standby() {
    if (Generation* const old = standby())
        old->retire(old->loaded().options.worker_reload_mercy,
                    committed_ ? committed_->number() : 0);
}

template <class Action>
void Generations::for_each(Action action) {
    // Pointers first: a generation that ends inside `action` leaves the lists.
    std::vector<Generation*> all;
    if (prepared_) all.push_back(prepared_.get());
    if (committed_) all.push_back(committed_.get());
    for (const auto& generation : retiring_) all.push_back(generation.get());
    for (Generation* generation : all) action(*generation);
}

void Generations::retire_all(base::Milliseconds mercy) {
    for_each([mercy](Generation& generation) { generation.retire(mercy, 0); });
}

void Generations::kill_all(const std::string& why) {
    for_each([&why](Generation& generation) { generation.kill(why); });
}

void Generations::reopen_log(int fd) {
    for_each([fd](Generation& generation) { generation.reopen_log(fd); });
}

void Generations::on_gone(Generation& generation) {
    if (prepared_.get() == &generation) return holdings_.loop.defer_delete(std::move(prepared_));
    if (committed_.get() == &generation) return holdings_.loop.defer_delete(std::move(committed_));
    const auto found = std::find_if(retiring_.begin(), retiring_.end(),
                                    [&](const auto& held) { return held.get() == &generation; });
    if (found == retiring_.end()) return;
    holdings_.loop.defer_delete(std::move(*found));
    retiring_.erase(found);
}

}  // namespace mew::master
