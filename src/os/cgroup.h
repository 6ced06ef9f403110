#pragma once
// What this process may use: CPUs by affinity, cpuset and cgroup quota (v2 and v1), memory by
// cgroup limit. Feeds `processes = auto`, %k and the start-up lines, which read it once, and the
// look at the memory that is left before a reload. And what the kernel's OOM killer did in our
// group, which the master asks when a child died of SIGKILL.

#include <cstdint>
#include <optional>
#include <string>

namespace mew::os {

struct Limits {
    int cpus = 1;                               // usable, quota rounded up, at least 1
    int affinity_cpus = 1;                      // by sched_getaffinity
    std::optional<double> quota_cpus;           // by cgroup, e.g. 1.5
    std::optional<std::uint64_t> memory_bytes;  // tightest limit on the way up the tree
    std::string reason;  // "cgroup quota of 1.5 CPUs", "CPU affinity": what set `cpus`
};

Limits read_limits();

// The same with another tree in place of / and a given affinity: for tests.
Limits read_limits_below(const std::string& root, int affinity_cpus);

// Memory that may still be taken before a cgroup's limit, what the kernel would give back from its
// caches counted in; absent: nothing limits it.
struct MemoryRoom {
    std::uint64_t limit = 0;  // bytes
    std::uint64_t left = 0;
};
std::optional<MemoryRoom> read_memory_room();
std::optional<MemoryRoom> read_memory_room_below(const std::string& root);

// How often the OOM killer struck in our cgroup; without one, on this machine. Files of the kernel
// only, so the master may look.
class OomWatch {
public:
    explicit OomWatch(const std::string& root = "");
    // Kills since the last look; at first since this was made.
    std::uint64_t look();
    // The limit that was hit, as far as it is a cgroup's.
    std::optional<std::uint64_t> memory_limit() const { return memory_limit_; }

private:
    std::uint64_t read() const;

    std::string file_;  // has a line "oom_kill N"; empty: there is none
    std::optional<std::uint64_t> memory_limit_;
    std::uint64_t seen_ = 0;
};

// Shorthand for `processes = auto`.
int usable_cpus();

}  // namespace mew::os
