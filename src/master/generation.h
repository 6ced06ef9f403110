#pragma once
// One generation: a zygote and its reserve, one worker for each slot, the options they were made
// from, and the board they count on. The unit of start, reload and rollback.
//
//   preparing > serving > retiring > gone           preparing, rolling > retiring (undone)
//   preparing > rolling > serving                   rolling: some of its slots serve already
//   serving > standby > retiring                    standby: only the zygotes stay, in case that
//             standby > preparing (recalled)        the next generation loops
//
// Its code is imported once. The reserve is a fork of the zygote that takes its place if it dies;
// should both be lost, the owner makes a new generation rather than import other code into this
// one.
//
// Two generations overlap while the older drains, and a board has one writer per field: so each
// generation has a board of its own, which starts with the counts of the one before.
//
// generation.cc: phases. generation_slots.cc: workers. generation_zygote.cc: zygote and reserve.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "master/crash_loop.h"
#include "master/interpreter.h"
#include "master/respawn.h"
#include "master/singletons.h"
#include "master/state.h"
#include "master/substitution.h"
#include "master/worker_handle.h"
#include "master/zygote_handle.h"
#include "stats/board.h"

namespace mew::master {

enum class GenerationPhase : std::uint8_t { preparing, rolling, serving, standby, retiring, gone };
std::string_view name_of(GenerationPhase phase);

class Generation;

class GenerationOwner {
public:
    virtual ~GenerationOwner() = default;
    // The zygote has imported the app: slots may be filled.
    virtual void on_generation_loaded(Generation& generation) = 0;
    // Only while preparing or rolling: this slot's worker is ready and waits for serve_slot().
    virtual void on_slot_ready(Generation& generation, std::uint32_t slot) = 0;
    // The worker of a slot that was given up is gone.
    virtual void on_slot_left(Generation& generation, std::uint32_t slot) = 0;
    // Only while preparing or rolling: something of it did not start.
    virtual void on_generation_failed(Generation& generation, const Failure& failure) = 0;
    virtual void on_generation_gone(Generation& generation) = 0;
    // It serves, and nothing is left to fork workers from.
    virtual void on_zygote_lost(Generation& generation) = 0;
    // Its workers die again and again.
    virtual void on_crash_loop(Generation& generation) = 0;
    virtual void on_app_request(Generation& generation, control::Kind request) = 0;
    // It has a zygote to order from once more; a task that was ordered has its pid.
    virtual void on_zygote_ready(Generation& generation) = 0;
    virtual void on_task_spawned(Generation& generation, const control::Message& message) = 0;
    // Do tasks live that it forked? It is not gone before them.
    virtual bool has_tasks(const Generation& generation) const = 0;
};

class Generation final : public ZygoteOwner, public WorkerOwner, public TaskSource {
public:
    Generation(Holdings& holdings, GenerationOwner& owner, std::uint32_t number,
               options::Loaded loaded, Interpreter interpreter);
    ~Generation() override;

    // `before` gives its counts; null for the first generation.
    base::Result<void> start(stats::Board* before);
    // From standby: prepares once more, from the zygote that stayed.
    void recall(stats::Board& before);
    // As the master before the upgrade had it. `from` owns nothing any more.
    base::Result<void> take_over(const state::Generation& from);
    state::Generation to_state() const;
    void serve();
    // Workers finish within `mercy`; the zygotes go at once. `successor` takes the connections.
    void retire(base::Milliseconds mercy, std::uint32_t successor);
    // The same, but the zygotes stay.
    void stand_by(base::Milliseconds mercy, std::uint32_t successor);
    void kill(const std::string& why);
    void reopen_log(int fd);
    // While preparing or rolling: it shall not come to serve.
    void fail(const Failure& failure);
    // A process of its own is no more: was it the last?
    void check_gone();

    // --- slot by slot
    // Keeps a worker in the slot from now on.
    void fill(std::uint32_t slot);
    void fill_all();
    void serve_slot(std::uint32_t slot);
    // Its worker retires and is not replaced.
    void give_up(std::uint32_t slot, base::Milliseconds mercy, std::uint32_t successor);

    std::uint32_t number() const override { return number_; }
    bool can_fork() const override;
    base::Result<void> order_task(const TaskPlace& place, int far_end) override;
    std::uint64_t build() const override { return zygote_->build(); }
    GenerationPhase phase() const { return phase_; }
    const options::Loaded& loaded() const { return loaded_; }
    const Interpreter& interpreter() const { return interpreter_; }
    stats::Board& board() { return board_; }
    const ZygoteHandle* zygote() const { return zygote_.get(); }
    const ZygoteHandle* reserve() const { return reserve_.get(); }
    // Null: the slot is empty, and waits for its respawn.
    WorkerHandle* worker(std::uint32_t slot) const { return workers_[slot - 1].get(); }
    const Substitution& substitution() const { return substitution_; }
    const CrashLoop& crash_loop() const { return crash_loop_; }
    std::uint32_t slots() const { return static_cast<std::uint32_t>(workers_.size()); }
    bool has_workers() const { return !all_workers().empty(); }

    void on_zygote_ready(ZygoteHandle& zygote, const std::string& about) override;
    void on_worker_spawned(ZygoteHandle& zygote, const control::Message& message) override;
    void on_task_spawned(ZygoteHandle& zygote, const control::Message& message) override;
    void on_zygote_dead(ZygoteHandle& zygote, const Failure& failure) override;
    void on_worker_ready(WorkerHandle& worker) override;
    void on_worker_request(WorkerHandle& worker, control::Kind request) override;
    void on_worker_dead(WorkerHandle& worker, const WorkerEnd& end) override;

private:
    bool step(GenerationPhase next);
    // Its slots are kept filled, as far as they are wanted.
    bool lives() const { return phase_ <= GenerationPhase::serving; }
    bool coming() const { return phase_ <= GenerationPhase::rolling; }
    base::Result<void> start_zygote();
    control::Boot describe_boot() const;
    void take_counts(stats::Board& before);
    void fill_wanted();
    void order_worker(std::uint32_t slot);
    std::unique_ptr<WorkerHandle> order(std::uint32_t slot);
    bool workers_import() const;
    void fall_back(const WorkerHandle& late);
    void restart_zygote_later();
    std::uint64_t next_incarnation(std::uint32_t slot);
    void put_in_place(WorkerHandle& substitute);
    std::vector<WorkerHandle*> all_workers() const;
    base::Result<void> take_over_zygote(const state::Zygote& from);
    base::Result<void> take_over_worker(const state::Worker& from);
    void cease();
    void leave_zygotes();
    void respawn_later(std::uint32_t slot);
    void refill(std::uint32_t slot, const WorkerEnd& end);
    void note_death(const WorkerEnd& end);
    void order_reserve();
    void order_reserve_later();
    void promote_reserve();
    void on_reserve_dead();
    void announce(const WorkerHandle& worker) const;
    void log_end(const WorkerEnd& end) const;

    Holdings& holdings_;
    GenerationOwner& owner_;
    std::uint32_t number_;
    options::Loaded loaded_;
    Interpreter interpreter_;
    GenerationPhase phase_ = GenerationPhase::preparing;
    stats::Board board_;
    std::unique_ptr<ZygoteHandle> zygote_;
    std::unique_ptr<ZygoteHandle> reserve_;
    std::vector<std::unique_ptr<WorkerHandle>> workers_;  // by slot - 1
    std::vector<bool> wanted_;                            // by slot - 1: fill() was called
    std::vector<Respawn> respawns_;                       // by slot - 1
    Respawn reserve_respawn_;
    Respawn soon_;  // one step that must not happen inside the event that asks for it
    // A worker forked from the imported app did not become ready: from then on the zygote is one
    // that imports nothing, and each worker does it by itself.
    bool fell_back_ = false;
    bool zygote_outdated_ = false;  // it has the app still, and was told to die
    Substitution substitution_;
    CrashLoop crash_loop_;
};

}  // namespace mew::master
