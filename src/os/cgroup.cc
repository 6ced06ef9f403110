#include "os/cgroup.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <vector>

#include "os/proc.h"

namespace mew::os {
namespace {

// v1 writes "no limit" as the largest multiple of a page; nothing real is near it.
constexpr std::uint64_t kNoMemoryLimit = std::uint64_t{1} << 60;
constexpr double kMostCpus = 65536;

std::optional<std::int64_t> parse_number(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<std::int64_t> read_number(const std::string& path) {
    const auto text = read_small_file(path, 4096);
    if (!text) return std::nullopt;
    return parse_number(*text);
}

// The group in which this process is, in one hierarchy, and where that hierarchy is mounted.
struct Hierarchy {
    std::string mount;
    std::string group;
    bool v2 = false;
    bool cpu = false;
    bool memory = false;
};

bool lists(std::string_view controllers, std::string_view name) {
    while (!controllers.empty()) {
        const std::size_t comma = controllers.find(',');
        if (controllers.substr(0, comma) == name) return true;
        if (comma == std::string_view::npos) return false;
        controllers.remove_prefix(comma + 1);
    }
    return false;
}

bool is_folder(const std::string& path) { return ::access((path + "/.").c_str(), X_OK) == 0; }

// One line of /proc/self/cgroup: "4:cpu,cpuacct:/docker/1f" or "0::/user.slice".
std::optional<Hierarchy> parse_line(std::string_view line, const std::string& root) {
    const std::size_t first = line.find(':');
    if (first == std::string_view::npos) return std::nullopt;
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) return std::nullopt;
    const std::string_view controllers = line.substr(first + 1, second - first - 1);
    Hierarchy found;
    found.group = line.substr(second + 1);
    // Seen from another cgroup namespace the group lies above the mount: only the mount tells.
    if (found.group.find("/..") != std::string::npos) found.group.clear();
    const std::string base = root + "/sys/fs/cgroup";
    if (controllers.empty()) {
        found.v2 = found.cpu = found.memory = true;
        found.mount = is_folder(base + "/unified") ? base + "/unified" : base;
        return found;
    }
    found.cpu = lists(controllers, "cpu");
    found.memory = lists(controllers, "memory");
    if (!found.cpu && !found.memory) return std::nullopt;
    found.mount = base + "/" + std::string(controllers);
    if (!is_folder(found.mount)) found.mount = base + (found.cpu ? "/cpu" : "/memory");
    return found;
}

std::vector<Hierarchy> read_hierarchies(const std::string& root) {
    std::vector<Hierarchy> found;
    const auto text = read_small_file(root + "/proc/self/cgroup", 1 << 16);
    if (!text) return found;
    std::string_view left = *text;
    while (!left.empty()) {
        const std::size_t end = std::min(left.find('\n'), left.size());
        if (auto hierarchy = parse_line(left.substr(0, end), root)) {
            found.push_back(std::move(*hierarchy));
        }
        left.remove_prefix(std::min(end + 1, left.size()));
    }
    return found;
}

std::optional<double> cpus_of(std::int64_t quota, std::int64_t period) {
    if (quota <= 0 || period <= 0) return std::nullopt;
    return std::min(static_cast<double>(quota) / static_cast<double>(period), kMostCpus);
}

std::optional<double> read_quota(const std::string& folder, bool v2) {
    if (v2) {
        const auto text = read_small_file(folder + "/cpu.max", 4096);
        if (!text) return std::nullopt;
        const std::size_t blank = text->find(' ');
        if (blank == std::string::npos) return std::nullopt;
        const auto quota = parse_number(std::string_view(*text).substr(0, blank));  // or "max"
        const auto period = parse_number(std::string_view(*text).substr(blank + 1));
        return quota && period ? cpus_of(*quota, *period) : std::nullopt;
    }
    const auto quota = read_number(folder + "/cpu.cfs_quota_us");
    const auto period = read_number(folder + "/cpu.cfs_period_us");
    return quota && period ? cpus_of(*quota, *period) : std::nullopt;
}

std::optional<std::uint64_t> read_memory(const std::string& folder, bool v2) {
    const auto limit = read_number(folder + (v2 ? "/memory.max" : "/memory.limit_in_bytes"));
    if (!limit || *limit <= 0 || static_cast<std::uint64_t>(*limit) >= kNoMemoryLimit)
        return std::nullopt;
    return static_cast<std::uint64_t>(*limit);
}

template <class T>
void tighten(std::optional<T>& limit, const std::optional<T>& other) {
    if (other && (!limit || *other < *limit)) limit = other;
}

// Every group on the way up may limit us; in a container the lower ones may not be mounted.
template <class Action>
void for_each_group(const Hierarchy& hierarchy, Action action) {
    std::string group = hierarchy.group;
    for (;;) {
        while (!group.empty() && group.back() == '/') group.pop_back();
        action(hierarchy.mount + group);
        if (group.empty()) return;
        group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
    }
}

void apply_hierarchy(Limits& limits, const Hierarchy& hierarchy) {
    for_each_group(hierarchy, [&](const std::string& folder) {
        if (hierarchy.cpu) tighten(limits.quota_cpus, read_quota(folder, hierarchy.v2));
        if (hierarchy.memory) tighten(limits.memory_bytes, read_memory(folder, hierarchy.v2));
    });
}

// A line "name number" of one of the kernel's small tables.
std::optional<std::int64_t> find_value(std::string_view text, std::string_view name) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ' ')
            return parse_number(line.substr(name.size() + 1));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return std::nullopt;
}

// "inactive_file 4096" in memory.stat: file pages that the kernel takes back before it kills.
std::uint64_t reclaimable(const std::string& folder, bool v2) {
    const auto text = read_small_file(folder + "/memory.stat", 1 << 16);
    if (!text) return 0;
    const auto bytes = find_value(*text, v2 ? "inactive_file" : "total_inactive_file");
    return bytes && *bytes > 0 ? static_cast<std::uint64_t>(*bytes) : 0;
}

std::optional<MemoryRoom> read_room(const std::string& folder, bool v2) {
    const auto limit = read_memory(folder, v2);
    const auto used = read_number(folder + (v2 ? "/memory.current" : "/memory.usage_in_bytes"));
    if (!limit || !used || *used < 0) return std::nullopt;
    const auto taken = static_cast<std::uint64_t>(*used);
    const std::uint64_t held = taken - std::min(taken, reclaimable(folder, v2));
    return MemoryRoom{*limit, *limit - std::min(*limit, held)};
}

int count_affinity() {
    for (int most = 1024; most <= (1 << 20); most *= 2) {
        cpu_set_t* const set = CPU_ALLOC(static_cast<std::size_t>(most));
        if (set == nullptr) break;
        const std::size_t size = CPU_ALLOC_SIZE(static_cast<std::size_t>(most));
        const int answer = ::sched_getaffinity(0, size, set);
        const int count = answer == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (answer == 0) return std::max(count, 1);
    }
    return static_cast<int>(std::max(::sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

std::string quota_text(double cpus) {
    char text[64];
    std::snprintf(text, sizeof text, "cgroup quota of %.4g CPUs", cpus);
    return text;
}

}  // namespace

Limits read_limits_below(const std::string& root, int affinity_cpus) {
    Limits limits;
    limits.affinity_cpus = std::max(affinity_cpus, 1);
    for (const auto& hierarchy : read_hierarchies(root)) apply_hierarchy(limits, hierarchy);
    limits.cpus = limits.affinity_cpus;
    limits.reason = "CPU affinity";
    if (!limits.quota_cpus) return limits;
    const int quota = std::max(static_cast<int>(std::ceil(*limits.quota_cpus)), 1);
    if (quota >= limits.cpus) return limits;
    limits.cpus = quota;
    limits.reason = quota_text(*limits.quota_cpus);
    return limits;
}

std::optional<MemoryRoom> read_memory_room_below(const std::string& root) {
    std::optional<MemoryRoom> tightest;
    for (const auto& hierarchy : read_hierarchies(root)) {
        if (!hierarchy.memory) continue;
        for_each_group(hierarchy, [&](const std::string& folder) {
            const auto room = read_room(folder, hierarchy.v2);
            if (room && (!tightest || room->left < tightest->left)) tightest = room;
        });
    }
    return tightest;
}

std::optional<MemoryRoom> read_memory_room() { return read_memory_room_below(""); }

namespace {

// The group's own counter, as far down as there is one; v1 has it in another file.
std::string find_oom_file(const std::string& root) {
    for (const auto& hierarchy : read_hierarchies(root)) {
        if (!hierarchy.memory) continue;
        const char* const name = hierarchy.v2 ? "/memory.events" : "/memory.oom_control";
        for (std::string group = hierarchy.group;;) {
            while (!group.empty() && group.back() == '/') group.pop_back();
            const std::string file = hierarchy.mount + group + name;
            if (::access(file.c_str(), R_OK) == 0) return file;
            if (group.empty()) break;
            group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
        }
    }
    return root + "/proc/vmstat";
}

}  // namespace

OomWatch::OomWatch(const std::string& root)
    : file_(find_oom_file(root)),
      memory_limit_(read_limits_below(root, 1).memory_bytes),
      seen_(read()) {}

std::uint64_t OomWatch::read() const {
    const auto text = read_small_file(file_, 1 << 16);
    const auto count = text ? find_value(*text, "oom_kill") : std::nullopt;
    return count && *count > 0 ? static_cast<std::uint64_t>(*count) : 0;
}

std::uint64_t OomWatch::look() {
    const std::uint64_t now = read();
    const std::uint64_t before = seen_;
    seen_ = now;
    return now > before ? now - before : 0;
}

Limits read_limits() { return read_limits_below("", count_affinity()); }

int usable_cpus() { return read_limits().cpus; }

}  // namespace mew::os
