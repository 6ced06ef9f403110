#pragma once
// What this process may use: CPUs by affinity, cpuset and cgroup quota (v2 and v1), memory by
// cgroup limit. Feeds `processes = auto`, %k and the start-up lines, which read it once, and the look
// at the memory that is left before a reload.

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

// Shorthand for `processes = auto`.
int usable_cpus();

}  // namespace mew::os
