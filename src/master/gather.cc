#include "master/gather.h"

#include <unistd.h>

#include <ctime>

#include "base/format.h"
#include "master/greeting.h"

namespace mew::master {
namespace {

struct StatusCounter {
    const char* name;
    stats::Counter stats::Slot::*counter;
};
constexpr StatusCounter kStatusCounters[] = {
    {"accepted", &stats::Slot::accepted},
    {"accepted_late", &stats::Slot::accepted_late},
    {"handed_on", &stats::Slot::handed_on},
    {"taken", &stats::Slot::taken},
    {"rescues", &stats::Slot::rescues},
    {"refused", &stats::Slot::refused},
    {"too_large", &stats::Slot::too_large},
    {"dropped_fields", &stats::Slot::dropped_fields},
    {"aborted", &stats::Slot::aborted},
    {"timeouts", &stats::Slot::timeouts},
    {"head_timeouts", &stats::Slot::head_timeouts},
    {"body_timeouts", &stats::Slot::body_timeouts},
    {"send_timeouts", &stats::Slot::send_timeouts},
    {"keepalive_timeouts", &stats::Slot::keepalive_timeouts},
    {"slow_clients", &stats::Slot::slow_clients},
};

std::uint64_t get(const stats::Counter& counter) { return counter.load(std::memory_order_relaxed); }

std::string worker_state(const WorkerHandle& worker, const stats::Slot& slot, Sign sign) {
    if (worker.stop_watch().stopped()) return "stopped";
    if (worker.phase() != WorkerPhase::serving) return std::string(name_of(worker.phase()));
    if (sign == Sign::gil_held) return "GIL held";
    if (sign == Sign::silent) return "silent";
    const auto state = slot.state.load(std::memory_order_relaxed);
    return state == stats::WorkerState::busy ? "busy" : "idle";
}

WorkerStatus describe(Holdings& holdings, const WorkerHandle& worker, const stats::Slot& slot) {
    WorkerStatus row;
    row.id = worker.place().slot;
    row.generation = worker.place().generation;
    const LifeSigns signs = read_signs(slot, holdings.loop.now());
    row.state = worker_state(worker, slot, signs.sign);
    row.doing = describe_doing(slot, holdings.loop.now(), worker.stop_watch());
    row.request_seconds = signs.request;
    row.pid = worker.pid();
    row.uptime = std::chrono::duration<double>(holdings.loop.now() - worker.started()).count();
    row.connections = get(slot.connections);
    row.average_us = get(slot.average_us);
    return row;
}

void add_totals(stats::Board& board, WorkerStatus& row) {
    const auto total = [&](stats::Counter stats::Slot::*counter) {
        return board.total(row.id, counter);
    };
    row.requests = total(&stats::Slot::requests);
    row.exceptions = total(&stats::Slot::exceptions);
    row.tx_bytes = total(&stats::Slot::tx_bytes);
    row.deaths = total(&stats::Slot::deaths);
    for (const StatusCounter& counter : kStatusCounters)
        row.counters.emplace_back(counter.name, total(counter.counter));
}

stats::Slot& block_of(Generation& generation, const WorkerHandle& worker) {
    return generation.board().slot(worker.place().slot, stats::lane_of(worker.place().incarnation));
}

void add_workers(Holdings& holdings, Generation& generation, ServerStatus& status) {
    for (std::uint32_t id = 1; id <= generation.slots(); ++id) {
        const WorkerHandle* worker = generation.worker(id);
        // An older generation shows only who is still there.
        if (worker == nullptr && generation.phase() != GenerationPhase::serving) continue;
        WorkerStatus row;
        if (worker != nullptr) row = describe(holdings, *worker, block_of(generation, *worker));
        row.id = id;
        row.generation = generation.number();
        add_totals(generation.board(), row);
        status.workers.push_back(std::move(row));
    }
    // Substitutes on their way and workers that were replaced; their slot's totals stand above.
    for (const WorkerHandle* worker : generation.substitution().all())
        status.workers.push_back(describe(holdings, *worker, block_of(generation, *worker)));
}

void add_fronts(Holdings& holdings, ServerStatus& status) {
    for (Fronts::Row& place : holdings.fronts.rows()) {
        FrontStatus row;
        row.number = place.number;
        row.state = name_of(FrontPhase::dead);
        row.deaths = place.deaths;
        row.counters = std::move(place.counters);
        if (place.front != nullptr) {
            row.pid = place.front->pid();
            row.incarnation = place.front->place().incarnation;
            row.state = place.front->stop_watch().stopped()
                            ? "stopped"
                            : std::string(name_of(place.front->phase()));
            row.uptime =
                std::chrono::duration<double>(holdings.loop.now() - place.front->started()).count();
        }
        status.fronts.push_back(std::move(row));
    }
}

void add_singletons(Holdings& holdings, const Singletons& singletons, ServerStatus& status) {
    for (const Singletons::Row& place : singletons.rows()) {
        SingletonStatus row;
        row.name = place.name;
        row.state = place.waits ? "delayed" : "waiting";
        row.starts = place.starts;
        row.deaths = place.deaths;
        if (place.task != nullptr) {
            row.state = place.task->stop_watch().stopped()
                            ? "stopped"
                            : std::string(name_of(place.task->phase()));
            row.pid = place.task->pid();
            row.generation = place.task->place().generation;
            row.uptime =
                std::chrono::duration<double>(holdings.loop.now() - place.task->started()).count();
        }
        status.singletons.push_back(std::move(row));
    }
}

void add_certificates(const Certificates& certificates, ServerStatus& status) {
    const std::int64_t now = std::time(nullptr);
    for (const CertificateFact& fact : certificates.facts())
        status.certificates.push_back(
            {fact.source, fact.names, fact.expires, (fact.expires - now) / 86400});
    status.certificates_trouble = certificates.trouble();
}

}  // namespace

ServerStatus gather_status(Holdings& holdings, const Generations& generations,
                           const Singletons& singletons, const std::string& state) {
    ServerStatus status;
    status.version = holdings.program.version;
    status.pid = ::getpid();
    status.uptime = std::chrono::duration<double>(holdings.loop.now() - holdings.started).count();
    status.state = state;
    status.ready = generations.committed() != nullptr && state != "draining" && state != "stopping";
    status.python = holdings.python_version;
    status.log_dropped = log::dropped();
    for (const net::Listener& listener : holdings.listeners)
        status.addresses.push_back(reachable_url(listener.info));
    Generation* committed = generations.committed();
    Generation* shown = committed != nullptr ? committed : generations.prepared();
    if (shown != nullptr) {
        stats::Header& header = shown->board().header();
        header.log_dropped.store(status.log_dropped, std::memory_order_relaxed);
        status.generation = shown->number();
        status.zygote_pid = shown->zygote() != nullptr ? shown->zygote()->pid() : 0;
        status.reserve_pid = shown->reserve() != nullptr ? shown->reserve()->pid() : 0;
        status.reloads = get(header.reloads);
        status.reload_failures = get(header.reload_failures);
        add_workers(holdings, *shown, status);
    }
    for (const auto& generation : generations.retiring())
        add_workers(holdings, *generation, status);
    add_fronts(holdings, status);
    add_singletons(holdings, singletons, status);
    add_certificates(holdings.certificates, status);
    const Deaths& deaths = holdings.deaths;
    status.deaths = {deaths.of(Deaths::Role::worker),
                     deaths.of(Deaths::Role::zygote),
                     deaths.of(Deaths::Role::singleton),
                     deaths.of(Deaths::Role::front),
                     deaths.oom_kills(),
                     deaths.by_cause()};
    return status;
}

std::string status_lines(const ServerStatus& status) {
    std::uint64_t requests = 0;
    std::size_t busy = 0;
    for (const WorkerStatus& worker : status.workers) {
        requests += worker.generation == status.generation ? worker.requests : 0;
        busy += worker.state == "busy" ? 1U : 0U;
    }
    std::string text = base::format(
        "status: {}, generation {}, {} workers ({} busy), {} requests, {} reloads, {} rolled back",
        status.state, status.generation, status.workers.size(), busy, requests, status.reloads,
        status.reload_failures);
    for (const WorkerStatus& worker : status.workers)
        text +=
            base::format("\n    worker {} (pid {}) of generation {}: {}, {} requests", worker.id,
                         worker.pid, worker.generation, worker.state, worker.requests);
    return text;
}

}  // namespace mew::master
