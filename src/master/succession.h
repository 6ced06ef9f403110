#pragma once
// Which generation serves, and which comes next: prepares, commits, confirms, undoes. Makes what
// the generations report into a decision; how a new one takes over is the rollout's.
//
//   prepare > (rollout) > commit > [the old one stands by for reload-confirm] > confirmed
//                  \ failed: undone, the old one serves on         \ loops: the old one comes back
//
// Where nothing serves (a stop-start that failed) or nothing can be forked from (zygote and reserve
// both lost), it asks for a reload until one succeeds, with a growing delay.

#include <memory>
#include <string>

#include "master/generations.h"
#include "master/reload.h"
#include "master/rollout.h"
#include "master/singletons.h"
#include "master/state.h"

namespace mew::master {

class SuccessionOwner {
public:
    virtual ~SuccessionOwner() = default;
    virtual void on_first_serves(Generation& generation) = 0;
    // Before any generation served; no other is under way.
    virtual void on_start_failed(const Generation& generation, const Failure& failure) = 0;
    // After the first: `text` is one line about it.
    virtual void on_committed(Generation& generation, const std::string& text) = 0;
    // `told` says what serves now, `why` what was wrong.
    virtual void on_reload_failed(const std::string& told, const std::string& why) = 0;
    virtual void on_reload_wanted(const std::string& why) = 0;
    virtual void on_generation_left() = 0;
    virtual void on_app_asks(control::Kind request) = 0;
};

class Succession final : public GenerationOwner {
public:
    Succession(Holdings& holdings, SuccessionOwner& owner);
    ~Succession() override;

    base::Result<void> prepare(options::Loaded loaded, Interpreter interpreter, Reload::Wish wish);
    // Those of the master before the upgrade.
    base::Result<void> take_over(const state::Whole& from);
    void to_state(state::Whole& into) const;
    // A generation is on its way, so that the state cannot be handed on just now.
    bool busy() const { return rollout_.running() || generations_.prepared() != nullptr; }
    // Why no further generation may be prepared just now; empty: one may.
    std::string obstacle();
    // The server stops: nothing follows.
    void stop();

    Generations& generations() { return generations_; }
    const Generations& generations() const { return generations_; }
    Singletons& singletons() { return singletons_; }
    bool looping() const;
    // Did any generation ever serve?
    bool served() const { return served_; }

    void on_generation_loaded(Generation& generation) override;
    void on_slot_ready(Generation& generation, std::uint32_t slot) override;
    void on_slot_left(Generation& generation, std::uint32_t slot) override;
    void on_generation_failed(Generation& generation, const Failure& failure) override;
    void on_generation_gone(Generation& generation) override;
    void on_zygote_lost(Generation& generation) override;
    void on_crash_loop(Generation& generation) override;
    void on_app_request(Generation& generation, control::Kind request) override;
    void on_zygote_ready(Generation& generation) override;
    void on_task_spawned(Generation& generation, const control::Message& message) override;
    bool has_tasks(const Generation& generation) const override;

private:
    void commit();
    void on_task_gone(std::uint32_t generation);
    void on_task_request(std::uint32_t generation, control::Kind request);
    void confirm_later();
    void confirm_at(base::MonotonicTime due);
    void stop_confirming();
    void come_back();
    void retry_later(const std::string& why);
    void fail_unserved(const Failure& failure);

    Holdings& holdings_;
    SuccessionOwner& owner_;
    Generations generations_;
    Singletons singletons_;
    Rollout rollout_;
    Respawn retry_;
    net::TimerId confirm_ = 0;
    base::MonotonicTime confirm_due_;
    bool recalling_ = false;
    bool served_ = false;  // a generation did, at some time
    bool stopping_ = false;
};

}  // namespace mew::master
