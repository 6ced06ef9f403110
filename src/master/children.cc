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

// A child that has ended and still has its pid; 0: none.
pid_t next_ended() {
    siginfo_t info{};
    int done = 0;
    do done = ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
    while (done != 0 && errno == EINTR);
    return done == 0 ? info.si_pid : 0;
}

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
    while (const pid_t pid = next_ended()) {
        const auto found = watched_.find(pid);
        if (found != watched_.end() && found->second->takes_its_group_along())
            ::kill(-pid, SIGKILL);
        int status = 0;
        if (::waitpid(pid, &status, 0) != pid) continue;  // it waits to be reaped
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
