#pragma once
// One generation: a zygote, one worker for each slot, the options they were made from, and the
// board they count on. The unit of start, reload and rollback.
//
//   preparing > ready > serving > retiring > gone         preparing, ready > retiring (undone)
//
// Two generations overlap while the older drains, and a board has one writer per field: so each
// generation has a board of its own, which starts with the counts of the one before.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "master/interpreter.h"
#include "master/respawn.h"
#include "master/substitution.h"
#include "master/worker_handle.h"
#include "master/zygote_handle.h"
#include "stats/board.h"

namespace mew::master {

enum class GenerationPhase : std::uint8_t { preparing, ready, serving, retiring, gone };
std::string_view name_of(GenerationPhase phase);

class Generation;

class GenerationOwner {
public:
    virtual ~GenerationOwner() = default;
    virtual void on_generation_ready(Generation& generation) = 0;
    // Only while preparing: something of it did not start.
    virtual void on_generation_failed(Generation& generation, const Failure& failure) = 0;
    virtual void on_generation_gone(Generation& generation) = 0;
    virtual void on_app_request(Generation& generation, control::Kind request) = 0;
};

class Generation final : public ZygoteOwner, public WorkerOwner {
public:
    Generation(Holdings& holdings, GenerationOwner& owner, std::uint32_t number,
               options::Loaded loaded, Interpreter interpreter);
    ~Generation() override;

    // `before` gives its counts; null for the first generation.
    base::Result<void> start(stats::Board* before);
    void serve();
    // Workers finish within `mercy`; the zygote goes at once. `successor` takes the connections.
    void retire(base::Milliseconds mercy, std::uint32_t successor);
    void kill(const std::string& why);
    void reopen_log(int fd);

    std::uint32_t number() const { return number_; }
    GenerationPhase phase() const { return phase_; }
    const options::Loaded& loaded() const { return loaded_; }
    const Interpreter& interpreter() const { return interpreter_; }
    stats::Board& board() { return board_; }
    const ZygoteHandle* zygote() const { return zygote_.get(); }
    // Null: the slot is empty, and waits for its respawn.
    const WorkerHandle* worker(std::uint32_t slot) const { return workers_[slot - 1].get(); }
    const Substitution& substitution() const { return substitution_; }
    std::uint32_t slots() const { return static_cast<std::uint32_t>(workers_.size()); }

    void on_zygote_ready(ZygoteHandle& zygote, const std::string& about) override;
    void on_worker_spawned(ZygoteHandle& zygote, const control::Message& message) override;
    void on_zygote_dead(ZygoteHandle& zygote, const Failure& failure) override;
    void on_worker_ready(WorkerHandle& worker) override;
    void on_worker_request(WorkerHandle& worker, control::Kind request) override;
    void on_worker_dead(WorkerHandle& worker, const WorkerEnd& end) override;

private:
    bool step(GenerationPhase next);
    bool lives() const { return phase_ <= GenerationPhase::serving; }
    base::Result<void> start_zygote();
    control::Boot describe_boot() const;
    void take_counts(stats::Board& before);
    void fill_slots();
    void order_worker(std::uint32_t slot);
    std::unique_ptr<WorkerHandle> order(std::uint32_t slot);
    std::uint64_t next_incarnation(std::uint32_t slot);
    void put_in_place(WorkerHandle& substitute);
    std::vector<WorkerHandle*> all_workers() const;
    void cease();
    void respawn_later(std::uint32_t slot);
    void restart_zygote_later();
    void announce(const WorkerHandle& worker) const;
    void log_end(const WorkerEnd& end) const;
    void fail(const Failure& failure);
    void check_ready();
    void check_gone();

    Holdings& holdings_;
    GenerationOwner& owner_;
    std::uint32_t number_;
    options::Loaded loaded_;
    Interpreter interpreter_;
    GenerationPhase phase_ = GenerationPhase::preparing;
    stats::Board board_;
    std::unique_ptr<ZygoteHandle> zygote_;
    std::vector<std::unique_ptr<WorkerHandle>> workers_;  // by slot - 1
    std::vector<Respawn> respawns_;                       // by slot - 1
    Respawn zygote_respawn_;
    Substitution substitution_;
};

}  // namespace mew::master
