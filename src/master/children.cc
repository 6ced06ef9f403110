#include "master/children.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace mew::master {
namespace {

// Bounds of the memory for ends that nobody asked for yet.
constexpr std::chrono::seconds kStrangerAge{10};
constexpr std::size_t kMaxStrangers = 1024;

bool wait_for(idtype_t type, pid_t pid, int what, siginfo_t& info) {
    int done = 0;
    info = {};
    do done = ::waitid(type, static_cast<id_t>(pid), &info, what | WNOHANG);
    while (done != 0 && errno == EINTR);
    return done == 0 && info.si_pid != 0;
}

// The next change of any child. An end is only looked at: until it is reaped the pid is its own.
bool next_change(siginfo_t& info) {
    if (!wait_for(P_ALL, 0, WEXITED | WSTOPPED | WCONTINUED | WNOWAIT, info)) return false;
    if (info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED ||
        info.si_code == CLD_CONTINUED) {
        siginfo_t taken{};
        (void)wait_for(P_PID, info.si_pid, WSTOPPED | WCONTINUED, taken);
    }
    return true;
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
        peak_kib_ = found->peak_kib;
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
    for (siginfo_t change; next_change(change);) {
        const bool ended = change.si_code == CLD_EXITED || change.si_code == CLD_KILLED ||
                           change.si_code == CLD_DUMPED;
        if (ended)
            take_end(change.si_pid, now);
        else
            tell_change(change);
    }
}

void Children::tell_change(const siginfo_t& change) {
    const auto found = watched_.find(change.si_pid);
    if (found == watched_.end()) return;
    if (change.si_code == CLD_CONTINUED)
        found->second->on_child_continued(change.si_pid);
    else
        found->second->on_child_stopped(change.si_pid, change.si_status);
}

void Children::take_end(pid_t pid, base::MonotonicTime now) {
    const auto found = watched_.find(pid);
    if (found != watched_.end() && found->second->takes_its_group_along()) ::kill(-pid, SIGKILL);
    int status = 0;
    rusage usage{};
    if (::wait4(pid, &status, WNOHANG, &usage) != pid) return;
    const auto peak = static_cast<std::uint64_t>(std::max(usage.ru_maxrss, 0L));
    if (found == watched_.end()) {
        if (strangers_.size() >= kMaxStrangers) strangers_.pop_front();
        strangers_.push_back({pid, status, peak, now});
        return;
    }
    ChildWatcher* const watcher = found->second;
    watched_.erase(found);
    peak_kib_ = peak;
    watcher->on_child_end(pid, status);
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
