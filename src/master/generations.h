#pragma once
// The generations that live at one moment: at most one that is being prepared, the committed one,
// and older ones that still finish their requests, of which one may stand by. Owns them; a
// generation that is gone is freed after the event that ended it.

#include <cstddef>
#include <memory>
#include <vector>

#include "master/generation.h"

namespace mew::master {

class Generations {
public:
    Generations(Holdings& holdings, GenerationOwner& owner) : holdings_(holdings), owner_(owner) {}

    static constexpr std::size_t kMost = 3;  // one prepared, one committed, one older

    // The next generation, not started yet; it reports to the owner from its start on.
    Generation& make(options::Loaded loaded, Interpreter interpreter);
    // It could not be started.
    void drop_prepared();
    // The committed one is to end before the prepared one starts.
    void set_aside_committed();
    // The generation that stands by is prepared once more.
    void recall();
    // The prepared generation takes the requests; the committed one retires, or stands by.
    void commit(base::Milliseconds mercy_of_old, bool old_stands_by);
    // The prepared generation never was.
    void undo(const std::string& why);
    // Nobody needs it any longer.
    void end_standby();

    // Those of the master before the upgrade.
    base::Result<void> take_over(const state::Whole& from);
    void to_state(state::Whole& into) const;

    void retire_all(base::Milliseconds mercy);
    void kill_all(const std::string& why);
    void reopen_log(int fd);
    void on_gone(Generation& generation);

    Generation* find(std::uint32_t number) const;
    Generation* prepared() const { return prepared_.get(); }
    Generation* committed() const { return committed_.get(); }
    const std::vector<std::unique_ptr<Generation>>& retiring() const { return retiring_; }
    Generation* standby() const;
    std::size_t count() const {
        return retiring_.size() + (prepared_ ? 1U : 0U) + (committed_ ? 1U : 0U);
    }
    bool empty() const { return !prepared_ && !committed_ && retiring_.empty(); }

private:
    template <class Action>
    void for_each(Action action);

    Holdings& holdings_;
    GenerationOwner& owner_;
    std::uint32_t last_number_ = 0;
    std::unique_ptr<Generation> prepared_;
    std::unique_ptr<Generation> committed_;
    std::vector<std::unique_ptr<Generation>> retiring_;
};

}  // namespace mew::master
