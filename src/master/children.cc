#include "master/children.h"

#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace mew::master {
namespace {

// Bounds of the memory for ends that nobody asked for yet.
constexpr std::chrono::seconds kStrangerAge{10};
constexpr std::size_t kMaxStrangers = 1024;

}  // namespace

Children::Watch Children::watch(pid_t pid, ChildWatcher& watcher, int& wait_status) {
    const auto known = watched_.find(pid);
    if (known != watched_.end())
        return known->second == &watcher ? Watch::watching : Watch::refused;
    const auto found = std::find_if(strangers_.begin(), strangers_.end(),
                                    [pid](const Stranger& s) { return s.pid == pid; });
    if (found != strangers_.end()) {
        wait_status = found->wait_status;
        strangers_.erase(found);
        return Watch::ended;
    }
    watched_.emplace(pid, &watcher);
    return Watch::watching;
}

void Children::forget(pid_t pid) { watched_.erase(pid); }

void Children::reap(base::MonotonicTime now) {
    while (!strangers_.empty() && now - strangers_.front().when > kStrangerAge)
        strangers_.pop_front();
    for (;;) {
        int status = 0;
        const pid_t pid = ::waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR) continue;
        if (pid <= 0) return;
        const auto found = watched_.find(pid);
        if (found == watched_.end()) {
            if (strangers_.size() >= kMaxStrangers) strangers_.pop_front();
            strangers_.push_back({pid, status, now});
            continue;
        }
        ChildWatcher* watcher = found->second;
        watched_.erase(found);
        watcher->on_child_end(pid, status);
    }
}

bool Children::is_own(pid_t pid) {
    if (pid <= 1) return false;
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

void Children::kill(pid_t pid) {
    if (!is_own(pid)) return;
    ::kill(pid, SIGKILL);
    // What the worker started dies with it: nothing may go on serving or hold a port.
    ::kill(-pid, SIGKILL);
}

}  // namespace mew::master
