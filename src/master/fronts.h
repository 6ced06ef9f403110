#pragma once
// All fronts, the workers they hand requests to, and who was told of whom. For each incarnation of
// a front and each of a worker that serves there is one channel (mailbox), made here, whose two
// ends go to the two; it is never used again.
//
//   worker serves    > a channel to each front that lives
//   front is ready   > a channel to each worker that serves and does not retire
//   worker is dead   > each front that knew it hears why, and so whether its requests may be run
//                      again
//
// Fronts live across generations. A commit that changes an option of theirs starts a new set of
// them; the old one retires when all of the new one are ready. Held by Holdings; told of workers by
// their handles, of options by the succession, of the end by the shutdown.

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "control/worker_id.h"
#include "master/front_set.h"

namespace mew::master {

using control::WorkerId;

// A worker, as fronts need it.
class ChannelTaker {
public:
    virtual ~ChannelTaker() = default;
    // Its end of a channel to that front.
    virtual base::Result<void> take_channel(const FrontPlace& front, int memory, int end) = 0;
    virtual void kill(const std::string& why) = 0;
};

class Fronts final : public FrontSetOwner {
public:
    explicit Fronts(Holdings& holdings);
    ~Fronts() override;

    // At the start of the server; what is in the way then is told to people.
    base::Result<void> start(const options::Options& options);
    // Those of the generation that is committed now.
    void apply(const options::Options& options);
    // Told when a process of theirs is gone, or drained.
    void on_gone(std::function<void()> on_gone) { on_gone_ = std::move(on_gone); }

    // `cores`: how many requests it runs at once.
    void attach(const WorkerId& key, int cores, ChannelTaker& worker);
    // It retires: fronts that start from now on do not get to know it.
    void let_go(const WorkerId& key);
    // It is dead. `why_not_again`: its requests are not run again since ...; empty: they may be.
    void ended(const WorkerId& key, const std::string& why_not_again);

    // Nobody asks for it any more.
    void forget(const WorkerId& key) { workers_.erase(key); }

    // All of them finish within `mercy`; nothing is started any more.
    void stop(base::Milliseconds mercy);
    void kill_all(const std::string& why);
    void reopen_log(int fd);
    // Those that serve, or are about to; `make` is asked for each.
    void tell_all(const std::function<control::Message()>& make);
    // No process of theirs is left.
    bool empty() const;
    // At a stop: workers are needed for nothing but to let go of what they took over.
    bool drained() const;

    // Upgrade: first the fronts of the build before, then (attach_again) the workers that they
    // have channels to, then fronts of this build.
    base::Result<void> take_over(const state::Fronts& from);
    void attach_again(const WorkerId& key, int cores, ChannelTaker& worker, bool retires);
    void renew(const options::Options& options);
    state::Fronts to_state() const;

    // For `mewsgi status`: those of now first.
    struct Row {
        std::uint32_t number = 0;
        const FrontHandle* front = nullptr;  // null: dead, and about to be replaced
        std::uint64_t deaths = 0;
        std::vector<std::pair<std::string, std::uint64_t>> counters;
    };
    std::vector<Row> rows() const;

    void on_front_ready(FrontSet& set, FrontHandle& front) override;
    void on_front_complains(FrontHandle& front, const control::Message& message) override;
    void on_front_drained() override;
    void on_front_gone(FrontSet& set, FrontHandle& front) override;
    std::uint64_t next_front_incarnation() override { return ++last_incarnation_; }

private:
    struct Worker {
        ChannelTaker* taker = nullptr;
        int cores = 1;
        bool retires = false;
        std::set<std::uint64_t> fronts;  // incarnations that have a channel to it
    };
    // What fronts of one number counted that are gone, in the order of front_counters(); gauges
    // stay 0.
    struct Counts {
        std::uint64_t deaths = 0;
        std::vector<std::uint64_t> values;
    };

    // Null: none was started, or all retire.
    FrontSet* current() const {
        return sets_.empty() || sets_.back()->retiring() ? nullptr : sets_.back().get();
    }
    void retire_unserved();
    base::Result<void> start_set(const options::Options& options);
    base::Result<std::optional<os::Identity>> identity_for(const options::Options& options) const;
    void join_all();
    void join_later();
    bool join(const FrontSet& set, FrontHandle& front, const WorkerId& key);
    void retire_older();
    void drop_empty();
    void carry(FrontSet& set);
    static Counts counts_of(FrontSet& set, std::uint32_t number);
    void add_carried(std::uint32_t number, std::uint32_t of, Counts& to) const;

    Holdings& holdings_;
    std::vector<std::unique_ptr<FrontSet>> sets_;  // oldest first
    std::map<WorkerId, Worker> workers_;
    std::vector<Counts> carried_;  // by number - 1
    std::uint64_t last_incarnation_ = 0;
    base::Milliseconds mercy_{0};
    Respawn join_again_;
    std::function<void()> on_gone_;
    bool stopping_ = false;
};

}  // namespace mew::master
