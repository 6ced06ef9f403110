#include "master/generations.h"

#include <algorithm>

#include "base/check.h"

namespace mew::master {

base::Result<void> Generations::prepare(options::Loaded loaded, Interpreter interpreter) {
    MEW_CHECK(!prepared_);
    prepared_ = std::make_unique<Generation>(holdings_, owner_, ++last_number_, std::move(loaded),
                                             std::move(interpreter));
    auto started = prepared_->start(committed_ ? &committed_->board() : nullptr);
    if (!started) holdings_.loop.defer_delete(std::move(prepared_));
    return started;
}

void Generations::commit(base::Milliseconds mercy_of_old) {
    MEW_CHECK(prepared_);
    std::unique_ptr<Generation> old = std::exchange(committed_, std::move(prepared_));
    // First of all, so that no worker of another generation accepts any more.
    holdings_.gate.set_serving(committed_->number(), committed_->number());
    committed_->serve();
    if (!old) return;
    retiring_.push_back(std::move(old));
    retiring_.back()->retire(mercy_of_old, committed_->number());
}

void Generations::undo(const std::string& why) {
    if (!prepared_) return;
    retiring_.push_back(std::move(prepared_));
    retiring_.back()->kill(why);
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
