#pragma once
// The generations that live at one moment: at most one that is being prepared, the committed one,
// and older ones that still finish their requests. Owns them; a generation that is gone is freed
// after the event that ended it.

#include <memory>
#include <vector>

#include "master/generation.h"

namespace mew::master {

class Generations {
public:
    Generations(Holdings& holdings, GenerationOwner& owner) : holdings_(holdings), owner_(owner) {}

    // Starts the next generation; it reports to the owner from then on.
    base::Result<void> prepare(options::Loaded loaded, Interpreter interpreter);
    // The prepared generation takes the requests, the committed one retires.
    void commit(base::Milliseconds mercy_of_old);
    // The prepared generation never was.
    void undo(const std::string& why);

    void retire_all(base::Milliseconds mercy);
    void kill_all(const std::string& why);
    void reopen_log(int fd);
    void on_gone(Generation& generation);

    Generation* prepared() const { return prepared_.get(); }
    Generation* committed() const { return committed_.get(); }
    const std::vector<std::unique_ptr<Generation>>& retiring() const { return retiring_; }
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
