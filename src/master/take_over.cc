// The other side of to_state.cc: each part as the master before the upgrade had it. Nothing is
// started, told or counted anew; whoever lives is watched, whatever was waited for is waited for,
// and what ended meanwhile is heard of by the SIGCHLD that is still pending.

#include <algorithm>

#include "log/log.h"
#include "master/holdings.h"
#include "master/succession.h"

namespace mew::master {
namespace {

template <class Phase>
base::Result<Phase> phase_named(const std::string& name, Phase last) {
    for (std::size_t i = 0; i <= static_cast<std::size_t>(last); ++i) {
        if (name_of(static_cast<Phase>(i)) == name) return static_cast<Phase>(i);
    }
    return base::fail("the state tells of '" + name + "', which this mewsgi does not know");
}

// A process that lives on: its end is heard of again, and what it says, if its socket is open.
base::Result<void> go_on_with(Holdings& holdings, pid_t pid, ChildWatcher& watcher, Peer& peer) {
    int status = 0;
    if (pid != 0 && holdings.children.watch(pid, watcher, status) != Children::Watch::watching)
        return base::fail("the state tells of two processes with pid " + std::to_string(pid));
    if (!peer.is_open()) return {};
    return peer.open();
}

}  // namespace

base::Result<void> LogTarget::take_over(Wish wish, const state::Log& from) {
    wish_ = std::move(wish);
    event_fd_.reset(from.events.fd);
    pipe_read_.reset(from.pipe_read.fd);
    pipe_write_.reset(from.pipe_write.fd);
    log::Settings settings;
    settings.fd = event_fd();
    settings.json = wish_.json;
    settings.colour = wish_.colour;
    settings.level = wish_.level;
    settings.may_wait = false;
    log::configure(settings);
    log::carry_dropped(from.dropped);
    if (!wish_.json) return {};
    logger_ = from.logger;
    logger_started_ = from.logger_started;
    replacing_ = from.replacing;
    int status = 0;
    if (logger_ == 0) {
        restart_later();
    } else if (children_.watch(logger_, *this, status) == Children::Watch::ended) {
        on_child_end(logger_, status);
    }
    return {};
}

WorkerHandle::WorkerHandle(Holdings& holdings, WorkerOwner& owner, stats::Slot& board,
                           WorkerPlace place, const state::Worker& from)
    : holdings_(holdings),
      owner_(owner),
      board_(board),
      place_(place),
      started_(from.started),
      requests_before_(from.requests_before),
      cut_(from.cut),
      was_ready_(from.was_ready),
      served_(from.served),
      late_(from.late),
      told_to_end_(from.told_to_end),
      killed_because_(from.killed_because),
      doing_when_killed_(from.doing_when_killed),
      failed_(from.failed) {
    failure_.value = from.failed_status;
    failure_.text = from.failed_why;
}

base::Result<void> WorkerHandle::take_over(const state::Worker& from) {
    peer_ = std::make_unique<Peer>(holdings_.loop, os::Fd(from.control.fd), *this, from.build_id);
    auto phase = phase_named(from.phase, WorkerPhase::dead);
    if (!phase) return std::move(phase).failure();
    phase_ = *phase;
    pid_ = from.pid;
    deadline_.take_over(from.deadline);
    if (served_ && phase_ != WorkerPhase::dead)
        holdings_.fronts.attach_again(key(), place_.cores, *this, phase_ == WorkerPhase::retiring);
    return go_on_with(holdings_, pid_, *this, *peer_);
}

base::Result<void> ZygoteHandle::take_over(const state::Zygote& from) {
    peer_ = std::make_unique<Peer>(holdings_.loop, os::Fd(from.control.fd), *this, from.build_id);
    auto phase = phase_named(from.phase, ZygotePhase::dead);
    if (!phase) return std::move(phase).failure();
    phase_ = *phase;
    reserve_ = from.reserve;
    order_ = from.order;
    last_order = std::max(last_order, order_);
    pid_ = from.pid;
    started_ = from.started;
    was_ready_ = from.was_ready;
    failure_.status = from.failure_status;
    failure_.text = from.failure_text;
    deadline_.take_over(from.deadline);
    return go_on_with(holdings_, pid_, *this, *peer_);
}

void Substitution::take_over(std::unique_ptr<WorkerHandle> worker, state::Worker::Place place) {
    if (place == state::Worker::Place::coming) {
        coming_ = std::move(worker);
    } else {
        leaving_.push_back(std::move(worker));
    }
}

void Substitution::take_over(const state::Generation& from) {
    wanted_.assign(from.worn.begin(), from.worn.end());
    respawn_.set_delay(from.substitution.delay);
    if (from.substitution.waiting) respawn_.schedule([this] { go_on(); });
}

base::Result<void> Generation::take_over_zygote(const state::Zygote& from) {
    auto& place = from.reserve ? reserve_ : zygote_;
    place = std::make_unique<ZygoteHandle>(holdings_, *this, number_);
    return place->take_over(from);
}

base::Result<void> Generation::take_over_worker(const state::Worker& from) {
    if (from.slot < 1 || from.slot > slots())
        return base::fail("the state tells of a worker in slot " + std::to_string(from.slot) +
                          ", which its generation does not have");
    stats::Slot& block = board_.slot(from.slot, stats::lane_of(from.incarnation));
    const WorkerPlace place{from.slot,      number_,          from.incarnation,
                            from.preloaded, from.start_limit, loaded_.options.threads};
    auto worker = std::make_unique<WorkerHandle>(holdings_, *this, block, place, from);
    auto taken = worker->take_over(from);
    if (from.place == state::Worker::Place::slot) {
        workers_[from.slot - 1] = std::move(worker);
    } else {
        substitution_.take_over(std::move(worker), from.place);
    }
    return taken;
}

base::Result<void> Generation::take_over(const state::Generation& from) {
    const os::Fd held(from.board.fd);
    auto board = stats::Board::attach(held.get());
    if (!board) return std::move(board).failure();
    board_ = std::move(*board);
    if (board_.slots() != slots() || from.slots.size() != slots())
        return base::fail("the state tells of another number of workers than the board has");
    auto phase = phase_named(from.phase, GenerationPhase::gone);
    if (!phase) return std::move(phase).failure();
    phase_ = *phase;
    for (const state::Zygote& zygote : from.zygotes) {
        if (auto taken = take_over_zygote(zygote); !taken) return taken;
    }
    for (const state::Worker& worker : from.workers) {
        if (auto taken = take_over_worker(worker); !taken) return taken;
    }
    fell_back_ = from.fell_back;
    zygote_outdated_ = from.zygote_outdated;
    if (from.zygote_comes) restart_zygote_later();
    reserve_respawn_.set_delay(from.reserve_respawn.delay);
    if (from.reserve_respawn.waiting) order_reserve_later();
    for (std::uint32_t slot = 1; slot <= slots(); ++slot) {
        const state::Slot& was = from.slots[slot - 1];
        wanted_[slot - 1] = was.wanted;
        respawns_[slot - 1].set_delay(was.respawn.delay);
        if (was.respawn.waiting) respawn_later(slot);
    }
    substitution_.take_over(from);
    return {};
}

base::Result<void> Generations::take_over(const state::Whole& from) {
    last_number_ = from.last_generation;
    for (const state::Generation& one : from.generations) {
        Interpreter interpreter{one.interpreter_path, one.interpreter_reason,
                                one.interpreter_version};
        auto generation = std::make_unique<Generation>(holdings_, owner_, one.number, one.loaded,
                                                       std::move(interpreter));
        Generation& taken = *generation;
        if (one.committed) {
            committed_ = std::move(generation);
        } else {
            retiring_.push_back(std::move(generation));
        }
        if (auto done = taken.take_over(one); !done) return done;
    }
    return {};
}

base::Result<void> TaskHandle::take_over(const state::Task& from) {
    peer_ = std::make_unique<Peer>(holdings_.loop, os::Fd(from.control.fd), *this, from.build_id);
    auto phase = phase_named(from.phase, TaskPhase::dead);
    if (!phase) return std::move(phase).failure();
    phase_ = *phase;
    pid_ = from.pid;
    started_ = from.started;
    told_to_serve_ = from.told_to_serve;
    told_to_end_ = from.told_to_end;
    returned_ = from.returned;
    how_ = from.how;
    why_ = from.why;
    killed_because_ = from.killed_because;
    deadline_.take_over(from.deadline);
    return go_on_with(holdings_, pid_, *this, *peer_);
}

base::Result<void> Singletons::take_over(const state::Singletons& from, TaskSource* source) {
    source_ = from.has_source ? source : nullptr;
    last_order_ = from.last_order;
    mercy_ = from.mercy;
    for (const state::Singleton& one : from.places) {
        Place& place = places_.try_emplace(one.name, holdings_.loop).first->second;
        place.number = one.number;
        place.starts = one.starts;
        place.deaths = one.deaths;
        place.respawn.set_delay(one.respawn.delay);
        if (one.respawn.waiting) respawn_later(one.name, place, base::Milliseconds{0});
        if (!one.task) continue;
        const state::Task& was = *one.task;
        place.task = std::make_unique<TaskHandle>(
            holdings_, *this, TaskPlace{one.name, was.number, was.generation, was.order});
        if (auto taken = place.task->take_over(was); !taken) return taken;
    }
    return {};
}

void WatcherHandle::take_over(const state::Watcher& from) {
    // Its socket was closed by the exec; where a file system hangs it would not see that.
    if (from.pid != 0) Children::kill(from.pid);
    for (const state::WatchedFiles& one : from.files)
        files_.emplace(std::pair{one.generation, one.slot}, os::Fd(one.list.fd));
}

void Deaths::take_over(const state::Deaths& from) {
    for (std::size_t i = 0; i < std::min(from.by_role.size(), std::size(by_role_)); ++i)
        by_role_[i] = from.by_role[i];
    for (const state::Count& cause : from.by_cause) by_cause_[cause.name] = cause.count;
    oom_kills_ = from.oom_kills;
}

base::Result<void> FrontHandle::take_over(const state::Front& from) {
    peer_ = std::make_unique<Peer>(holdings_.loop, os::Fd(from.control.fd), *this, from.build_id);
    auto phase = phase_named(from.phase, FrontPhase::dead);
    if (!phase) return std::move(phase).failure();
    phase_ = *phase;
    pid_ = from.pid;
    started_ = from.started;
    requests_before_ = from.requests_before;
    was_ready_ = from.was_ready;
    told_to_end_ = from.told_to_end;
    killed_because_ = from.killed_because;
    deadline_.take_over(from.deadline);
    return go_on_with(holdings_, pid_, *this, *peer_);
}

base::Result<void> FrontSet::take_over(const state::FrontSet& from) {
    const os::Fd held(from.board.fd);
    auto board = stats::FrontBoard::attach(held.get());
    if (!board) return std::move(board).failure();
    board_ = std::move(*board);
    if (board_.fronts() != size())
        return base::fail("the state tells of another number of fronts than their board has");
    served_ = from.served;
    retiring_ = from.retiring;
    for (const state::Front& one : from.fronts) {
        if (one.number < 1 || one.number > size())
            return base::fail("the state tells of front " + std::to_string(one.number) +
                              ", which its set does not have");
        auto& place = places_[one.number - 1].front;
        place = std::make_unique<FrontHandle>(holdings_, *this, block(one.number),
                                              FrontPlace{one.number, one.incarnation});
        if (auto taken = place->take_over(one); !taken) return taken;
    }
    return open_gate();
}

base::Result<void> Fronts::take_over(const state::Fronts& from) {
    last_incarnation_ = from.last_incarnation;
    const auto counters = stats::front_counters();
    for (const state::FrontCounts& one : from.carried) {
        Counts& counts = carried_.emplace_back();
        counts.deaths = one.deaths;
        counts.values.resize(counters.size());
        for (const state::Count& count : one.counts) {
            for (std::size_t i = 0; i < counters.size(); ++i)
                if (count.name == counters[i].name) counts.values[i] = count.count;
        }
    }
    for (const state::FrontSet& one : from.sets) {
        auto identity = front_identity(one.loaded.options);
        if (!identity) return std::move(identity).failure();
        sets_.push_back(
            std::make_unique<FrontSet>(holdings_, *this, one.loaded.options, std::move(*identity)));
        if (auto taken = sets_.back()->take_over(one); !taken) return taken;
    }
    return {};
}

base::Result<void> Succession::take_over(const state::Whole& from) {
    served_ = from.served;
    if (auto taken = generations_.take_over(from); !taken) return taken;
    if (auto taken = singletons_.take_over(from.singletons, generations_.committed()); !taken)
        return taken;
    if (from.confirm_due) confirm_at(*from.confirm_due);
    return {};
}

}  // namespace mew::master
