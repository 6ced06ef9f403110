// What the master knows, as plain values: one function for each part that has something to hand on
// to the program that takes this one's place. Called by the supervisor when an upgrade is proved
// and when it is carried out; nothing changes by it.

#include <unistd.h>

#include <iterator>

#include "log/log.h"
#include "master/supervisor.h"

namespace mew::master {
namespace {

state::Respawn written(const Respawn& respawn) { return {respawn.waiting(), respawn.delay()}; }

state::Listener written(const net::Listener& listener) {
    state::Listener to;
    const net::ListenerInfo& info = listener.info;
    to.fd.fd = listener.fd.get();
    for (const os::Fd& fd : listener.more_fds) to.more_fds.push_back({fd.get()});
    to.slot_fds = info.slot_fds;
    to.backlog = listener.backlog;
    to.protocol = info.protocol;
    to.option = info.option;
    to.address = info.address;
    to.unix_socket = info.unix_socket;
    to.server_name = info.server_name;
    to.server_port = info.server_port;
    to.path = listener.path;
    to.inherited = listener.inherited;
    to.giver = listener.giver;
    return to;
}

state::Program written(const Program& program) {
    state::Program to;
    to.version = program.version;
    to.build_id = control::build_id();
    to.path = program.path;
    to.package_dir = program.package_dir;
    to.arguments = program.arguments;
    to.environment = program.environment;
    for (const net::Inherited& one : program.inherited) to.inherited.push_back({one.fd, one.giver});
    return to;
}

void write_holdings(const Holdings& holdings, state::Whole& to) {
    to.master_pid = ::getpid();
    to.program = written(holdings.program);
    to.started = holdings.started;
    to.python_version = holdings.python_version;
    to.started_with = holdings.started_with;
    to.identity = holdings.identity;
    for (const net::Listener& listener : holdings.listeners)
        to.listeners.push_back(written(listener));
    to.gate.fd = holdings.gate.fd();
    to.bell.fd = holdings.bell.get();
    to.handover_near.fd = holdings.handover.near.get();
    to.handover_far.fd = holdings.handover.far.get();
    to.log = holdings.log_target.to_state();
    to.pidfile_path = holdings.pidfile.path();
    to.pidfile.fd = holdings.pidfile.fd();
    for (const Children::Stranger& one : holdings.children.strangers())
        to.strangers.push_back({one.pid, one.wait_status, one.peak_kib, one.when});
    to.deaths = holdings.deaths.to_state();
    to.watcher = holdings.watcher.to_state();
    to.certificates = holdings.certificates.to_state();
    to.fifos = holdings.fifos.to_state();
    to.fronts = holdings.fronts.to_state();
}

}  // namespace

state::Log LogTarget::to_state() const {
    state::Log to;
    to.path = wish_.path;
    to.json = wish_.json;
    to.colour = wish_.colour;
    to.level = static_cast<std::uint8_t>(log::settings().level);
    to.events.fd = event_fd_.get();
    to.pipe_read.fd = pipe_read_.get();
    to.pipe_write.fd = pipe_write_.get();
    to.logger = logger_;
    to.logger_started = logger_started_;
    to.replacing = replacing_;
    to.dropped = log::dropped();
    return to;
}

state::Worker WorkerHandle::to_state() const {
    state::Worker to;
    to.slot = place_.slot;
    to.incarnation = place_.incarnation;
    to.preloaded = place_.preloaded;
    to.start_limit = place_.start_limit;
    to.phase = name_of(phase_);
    to.pid = pid_;
    to.control.fd = peer_->fd();
    to.build_id = peer_->build();
    to.started = started_;
    to.requests_before = requests_before_;
    to.cut = cut_;
    to.was_ready = was_ready_;
    to.served = served_;
    to.late = late_;
    to.told_to_end = told_to_end_;
    to.killed_because = killed_because_;
    to.doing_when_killed = doing_when_killed_;
    to.failed = failed_;
    to.failed_status = failure_.value;
    to.failed_why = failure_.text;
    to.deadline = deadline_.to_state();
    return to;
}

state::Zygote ZygoteHandle::to_state() const {
    state::Zygote to;
    to.reserve = reserve_;
    to.order = order_;
    to.phase = name_of(phase_);
    to.pid = pid_;
    to.control.fd = peer_->fd();
    to.build_id = peer_->build();
    to.started = started_;
    to.was_ready = was_ready_;
    to.failure_status = failure_.status;
    to.failure_text = failure_.text;
    to.deadline = deadline_.to_state();
    return to;
}

void Substitution::to_state(state::Generation& into) const {
    into.worn.assign(wanted_.begin(), wanted_.end());
    into.substitution = written(respawn_);
    const auto add = [&](const WorkerHandle& worker, state::Worker::Place place) {
        into.workers.push_back(worker.to_state());
        into.workers.back().place = place;
    };
    if (coming_) add(*coming_, state::Worker::Place::coming);
    for (const auto& worker : leaving_) add(*worker, state::Worker::Place::leaving);
}

state::Generation Generation::to_state() const {
    state::Generation to;
    to.number = number_;
    to.phase = name_of(phase_);
    to.loaded = loaded_;
    to.interpreter_path = interpreter_.path;
    to.interpreter_reason = interpreter_.reason;
    to.interpreter_version = interpreter_.version;
    to.board.fd = board_.fd();
    if (zygote_) to.zygotes.push_back(zygote_->to_state());
    if (reserve_) to.zygotes.push_back(reserve_->to_state());
    to.reserve_respawn = written(reserve_respawn_);
    to.zygote_comes = soon_.waiting();
    to.fell_back = fell_back_;
    to.zygote_outdated = zygote_outdated_;
    for (const auto& worker : workers_) {
        if (worker) to.workers.push_back(worker->to_state());
    }
    for (std::size_t i = 0; i < respawns_.size(); ++i)
        to.slots.push_back({wanted_[i], written(respawns_[i])});
    substitution_.to_state(to);
    return to;
}

void Generations::to_state(state::Whole& into) const {
    into.last_generation = last_number_;
    for (const auto& generation : retiring_) into.generations.push_back(generation->to_state());
    if (!committed_) return;
    into.generations.push_back(committed_->to_state());
    into.generations.back().committed = true;
}

state::Task TaskHandle::to_state() const {
    state::Task to;
    to.number = place_.number;
    to.generation = place_.generation;
    to.order = place_.order;
    to.phase = name_of(phase_);
    to.pid = pid_;
    to.control.fd = peer_->fd();
    to.build_id = peer_->build();
    to.started = started_;
    to.told_to_serve = told_to_serve_;
    to.told_to_end = told_to_end_;
    to.returned = returned_;
    to.how = how_;
    to.why = why_;
    to.killed_because = killed_because_;
    to.deadline = deadline_.to_state();
    return to;
}

state::Singletons Singletons::to_state() const {
    state::Singletons to;
    to.has_source = source_ != nullptr;
    to.last_order = last_order_;
    to.mercy = mercy_;
    for (const auto& [name, place] : places_) {
        state::Singleton one;
        one.name = name;
        one.number = place.number;
        if (place.task) one.task = place.task->to_state();
        one.respawn = written(place.respawn);
        one.starts = place.starts;
        one.deaths = place.deaths;
        to.places.push_back(std::move(one));
    }
    return to;
}

state::Watcher WatcherHandle::to_state() const {
    state::Watcher to;
    to.pid = pid_;
    for (const auto& [owner, list] : files_)
        to.files.push_back({owner.first, owner.second, {list.get()}});
    return to;
}

state::Front FrontHandle::to_state() const {
    state::Front to;
    to.number = place_.number;
    to.incarnation = place_.incarnation;
    to.phase = name_of(phase_);
    to.pid = pid_;
    to.control.fd = peer_->fd();
    to.build_id = peer_->build();
    to.started = started_;
    to.requests_before = requests_before_;
    to.was_ready = was_ready_;
    to.told_to_end = told_to_end_;
    to.killed_because = killed_because_;
    to.deadline = deadline_.to_state();
    return to;
}

state::FrontSet FrontSet::to_state() const {
    state::FrontSet to;
    to.loaded.options = options_;
    to.board.fd = board_.fd();
    for (const FrontHandle* front : fronts()) to.fronts.push_back(front->to_state());
    to.served = served_;
    to.retiring = retiring_;
    return to;
}

state::Fronts Fronts::to_state() const {
    state::Fronts to;
    to.last_incarnation = last_incarnation_;
    const auto counters = stats::front_counters();
    for (const Counts& counts : carried_) {
        state::FrontCounts& one = to.carried.emplace_back();
        one.deaths = counts.deaths;
        for (std::size_t i = 0; i < counters.size(); ++i)
            one.counts.push_back({counters[i].name, counts.values[i]});
    }
    for (const auto& set : sets_) to.sets.push_back(set->to_state());
    return to;
}

state::Deaths Deaths::to_state() const {
    state::Deaths to;
    to.by_role.assign(std::begin(by_role_), std::end(by_role_));
    for (const auto& [name, count] : by_cause_) to.by_cause.push_back({name, count});
    to.oom_kills = oom_kills_;
    return to;
}

void Succession::to_state(state::Whole& into) const {
    into.served = served_;
    if (confirm_ != 0) into.confirm_due = confirm_due_;
    into.singletons = singletons_.to_state();
    generations_.to_state(into);
}

state::Whole Supervisor::to_state() const {
    state::Whole whole;
    write_holdings(holdings_, whole);
    commands_.to_state(whole);
    succession_.to_state(whole);
    reload_.to_state(whole);
    return whole;
}

}  // namespace mew::master
