#pragma once
// How a generation takes the place of the one before it, by reload-strategy:
//
//   whole        all its workers are made ready beside the old ones, then all take over at once
//   roll         slot by slot: the new worker serves, then the old one of its slot retires
//   chain        slot by slot: the old one has left before the new one starts, so that no two
//                processes bear one id
//   stop-start   the old generation is gone before the new one imports: for apps that hold a port
//                or a lock, and for machines without room for two
//
//   idle > leaving (stop-start: the old one) > loading > filling > idle       any > idle (undone)
//
// roll and chain change reload-parallel slots at a time. With `reload-check` a worker takes its
// slot only after it answered. What fails before the end is undone by undo(): slots that were given
// up are filled again from the old zygote. Told of events by the supervisor, whose generations it
// leads; the commit itself is the supervisor's.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "master/generation.h"
#include "master/health_check.h"

namespace mew::master {

enum class Strategy : std::uint8_t { whole, roll, chain, stop_start };
// The text is validated: one of the option's choices.
Strategy parse_strategy(std::string_view text);
std::string_view name_of(Strategy strategy);

enum class RolloutPhase : std::uint8_t { idle, leaving, loading, filling };
std::string_view name_of(RolloutPhase phase);

class Rollout {
public:
    // `done`: every slot of the new generation is ready, or serves already.
    Rollout(Holdings& holdings, std::function<void()> done)
        : holdings_(holdings), done_(std::move(done)) {}

    // `from` is null for the first generation, and where nothing serves. `to` is started here.
    // `checked`: reload-check applies.
    base::Result<void> begin(Strategy strategy, Generation* from, Generation& to, bool checked);
    // `to` has an app already: a generation that comes back.
    void begin_recall(Generation& from, Generation& to);
    // The new one failed, or nobody wants it any more.
    void undo();

    bool running() const { return phase_ != RolloutPhase::idle; }
    // Did it end the old generation before the new one was there?
    bool stopped_old() const { return strategy_ == Strategy::stop_start && stopped_old_; }

    void on_loaded(const Generation& generation);
    void on_slot_ready(const Generation& generation, std::uint32_t slot);
    void on_slot_left(const Generation& generation, std::uint32_t slot);
    // False: the generation's end is not its business.
    bool on_gone(Generation& generation);

private:
    enum class Slot : std::uint8_t { untouched, leaving, starting, checking, passed };

    bool step(RolloutPhase next);
    void set_out(Strategy strategy, Generation* from, Generation& to, bool checked);
    std::size_t parallel() const;
    bool old_has(std::uint32_t slot) const;
    void start_next();
    void begin_slot(std::uint32_t slot);
    void check(std::uint32_t slot);
    void on_checked(std::uint32_t slot, const std::string& wrong);
    void pass(std::uint32_t slot);
    void let_two_serve();
    void finish();

    Holdings& holdings_;
    std::function<void()> done_;
    RolloutPhase phase_ = RolloutPhase::idle;
    Strategy strategy_ = Strategy::whole;
    bool checked_ = false;
    bool stopped_old_ = false;
    Generation* from_ = nullptr;
    Generation* to_ = nullptr;
    std::vector<Slot> slots_;                           // of `to`, by slot - 1
    std::vector<std::unique_ptr<HealthCheck>> checks_;  // by slot - 1
};

}  // namespace mew::master
