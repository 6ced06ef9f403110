#pragma once
// What `mewsgi status` shows, as plain values gathered by the supervisor, and its two forms.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace mew::master {

struct WorkerStatus {
    std::uint32_t id = 0;
    int pid = 0;
    std::uint32_t generation = 0;
    std::string state = "absent";  // a phase; serving: idle, busy, GIL held, silent; stopped
    std::string doing;             // the same in words, and for how long
    double request_seconds = 0;    // the longest running one has lasted; 0: none runs
    double uptime = 0;             // seconds
    std::uint64_t requests = 0;
    std::uint64_t exceptions = 0;
    std::uint64_t connections = 0;
    std::uint64_t average_us = 0;
    std::uint64_t tx_bytes = 0;
    std::uint64_t deaths = 0;
    std::vector<std::pair<std::string, std::uint64_t>> counters;  // further ones, JSON only
};

struct FrontStatus {
    std::uint32_t number = 0;
    int pid = 0;
    std::uint64_t incarnation = 0;
    std::string state;  // starting, ready, retiring; stopped; dead: another one comes
    double uptime = 0;
    std::uint64_t deaths = 0;
    std::vector<std::pair<std::string, std::uint64_t>> counters;  // stats::front_counters()
};

struct SingletonStatus {
    std::string name;
    int pid = 0;
    std::uint32_t generation = 0;
    std::string state;  // ordered, starting, running, leaving; delayed, waiting (for a zygote)
    double uptime = 0;
    std::uint64_t starts = 0;
    std::uint64_t deaths = 0;
};

struct CertificateStatus {
    std::string source;
    std::string names;         // empty: the default of its address
    std::int64_t expires = 0;  // unix seconds
    std::int64_t days_left = 0;
};

// Ends that nobody asked for, since the server started.
struct DeathsStatus {
    std::uint64_t workers = 0;
    std::uint64_t zygotes = 0;
    std::uint64_t singletons = 0;
    std::uint64_t fronts = 0;
    std::uint64_t oom_kills = 0;  // of all these
    std::map<std::string, std::uint64_t> by_cause;
};

struct ServerStatus {
    std::string version;
    int pid = 0;
    double uptime = 0;
    // starting, serving, reloading, crash looping, down (the old code was stopped, the new does not
    // start), draining, stopping
    std::string state;
    bool ready = false;  // new requests are welcome
    std::string python;
    std::vector<std::string> addresses;
    std::uint32_t generation = 0;
    int zygote_pid = 0;
    int reserve_pid = 0;
    std::uint64_t reloads = 0;
    std::uint64_t reload_failures = 0;
    std::uint64_t log_dropped = 0;
    std::vector<WorkerStatus> workers;  // of the committed generation, then of older ones
    std::vector<FrontStatus> fronts;    // those of now, then those that retire
    std::vector<SingletonStatus> singletons;
    std::vector<CertificateStatus> certificates;
    std::string certificates_trouble;  // why the files that are there now are not in use
    DeathsStatus deaths;
};

std::string status_table(const ServerStatus& status);
std::string status_json(const ServerStatus& status);

}  // namespace mew::master
