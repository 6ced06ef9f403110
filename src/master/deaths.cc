#include "master/deaths.h"

#include <sys/wait.h>

#include <csignal>

#include "base/format.h"
#include "os/signals.h"

namespace mew::master {
namespace {

// Several of one tree may be killed at once, and their ends are told one after the other. Later
// than this a kill was of something else: a program that the app had started, say.
constexpr std::chrono::seconds kClaim{10};

std::string size_text(std::uint64_t bytes) {
    constexpr std::uint64_t kMebi = std::uint64_t{1} << 20;
    if (bytes < kMebi) return base::format("{} KiB", bytes / 1024);
    if (bytes % (1024 * kMebi) == 0) return base::format("{} GiB", bytes / (1024 * kMebi));
    return base::format("{} MiB", bytes / kMebi);
}

std::string cause_of(const Deaths::End& end, bool oom) {
    if (!end.known_status) return "unknown";
    if (oom) return "OOM killer";
    if (end.by_us) return "killed by the master";
    if (WIFEXITED(end.wait_status)) return base::format("status {}", WEXITSTATUS(end.wait_status));
    if (WIFSIGNALED(end.wait_status)) return os::signal_name(WTERMSIG(end.wait_status));
    return "unknown";
}

}  // namespace

bool Deaths::was_oom(const End& end, base::MonotonicTime now) {
    if (!end.known_status || end.by_us || !WIFSIGNALED(end.wait_status) ||
        WTERMSIG(end.wait_status) != SIGKILL)
        return false;
    if (now - seen_at_ > kClaim) unclaimed_ = 0;
    if (const std::uint64_t fresh = oom_.look()) {
        unclaimed_ += fresh;
        seen_at_ = now;
    }
    if (unclaimed_ == 0) return false;
    --unclaimed_;
    return true;
}

Deaths::Verdict Deaths::take(const End& end, base::MonotonicTime now) {
    Verdict verdict;
    verdict.oom = was_oom(end, now);
    if (!end.known_status) {
        verdict.how = "died before its zygote told its pid";
    } else if (verdict.oom) {
        const auto limit = oom_.memory_limit();
        verdict.how = "was killed by the OOM killer (" +
                      (limit ? "cgroup limit " + size_text(*limit) : "no memory left") + ")";
    } else {
        verdict.how = os::describe_end(end.wait_status);
    }
    if (end.expected && !end.by_us && !verdict.oom) return verdict;
    ++by_role_[static_cast<std::size_t>(end.role)];
    ++by_cause_[cause_of(end, verdict.oom)];
    oom_kills_ += verdict.oom ? 1 : 0;
    return verdict;
}

std::string peak_text(std::uint64_t kibibytes) {
    if (kibibytes == 0) return "";
    return base::format(", peak memory {:.1f} MiB", static_cast<double>(kibibytes) / 1024);
}

}  // namespace mew::master
