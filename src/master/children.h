#pragma once
// Who of our children ended. The master is a subreaper and may be PID 1, so strangers end here too:
// they are reaped silently. A worker's pid is told by its zygote and may arrive after its end, so
// the ends of unknown pids are kept a short while.
//
// Called by the supervisor at SIGCHLD; watchers are the handles of zygotes, workers and helpers.

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "base/clock.h"

namespace mew::master {

class ChildWatcher {
public:
    virtual ~ChildWatcher() = default;
    // `wait_status` as waitpid(2) gives it. The pid is no longer watched, nor ours.
    virtual void on_child_end(pid_t pid, int wait_status) = 0;
    // By a signal, SIGSTOP or another; it may go on later.
    virtual void on_child_stopped(pid_t, int /*signal*/) {}
    virtual void on_child_continued(pid_t) {}
    // Its process group gets a SIGKILL before its end is told, and while its pid is still its own.
    virtual bool takes_its_group_along() const { return false; }
};

class Children {
public:
    enum class Watch { watching, ended, refused };
    // ended: it is gone already, `wait_status` says how. refused: another watcher has this pid.
    Watch watch(pid_t pid, ChildWatcher& watcher, int& wait_status);
    void forget(pid_t pid);
    // Takes every end, stop and continuation that the kernel has, without waiting.
    void reap(base::MonotonicTime now);
    // Largest resident size that the child had whose end was told last; 0: unknown.
    std::uint64_t peak_kib() const { return peak_kib_; }

    // True only for a living child of this process: the zygote runs the app's code and what it
    // calls a pid is never signalled unchecked.
    static bool is_own(pid_t pid);
    // SIGKILL to the child and, if it leads one, to its process group.
    static void kill(pid_t pid);

    struct Stranger {
        pid_t pid;
        int wait_status;
        std::uint64_t peak_kib;
        base::MonotonicTime when;
    };
    // Ends that nobody asked for yet; an upgraded master goes on with them.
    const std::deque<Stranger>& strangers() const { return strangers_; }
    void remember(const Stranger& stranger) { strangers_.push_back(stranger); }

private:
    void tell_change(const siginfo_t& change);
    void take_end(pid_t pid, base::MonotonicTime now);

    std::unordered_map<pid_t, ChildWatcher*> watched_;
    std::uint64_t peak_kib_ = 0;
    std::deque<Stranger> strangers_;
};

}  // namespace mew::master
