#pragma once
// Starting a child process with nothing left to chance: signal mask, dispositions, process group,
// death with its parent, identity and descriptors are all decided here, by the plan.
// Run by the master (zygotes, logger) and by tests; never by a process with threads.
//
// The order in the child matters: descriptors first (needs /proc/self, which a process that changed
// its uid may not read), then the identity, then PDEATHSIG (a change of identity clears it), then
// the check that the parent still lives.

#include <sys/types.h>

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"
#include "os/users.h"

namespace mew::os {

// The child sees our descriptor `fd` under the number `as`, inheritable by an exec.
struct Inherit {
    int fd;
    int as;
};

struct SpawnPlan {
    std::vector<std::string> argv;  // argv[0] with a slash is a path, without is found on PATH
    std::function<int()> body;      // if set: runs in the child instead of an exec; its exit status
    std::optional<std::vector<std::string>> environment;  // NAME=VALUE; absent: ours
    std::string working_directory;                        // empty: ours
    // All that the child gets. 0 becomes /dev/null unless listed; 1 and 2 stay unless listed.
    std::vector<Inherit> descriptors;
    std::optional<Identity> identity;   // absent: unchanged
    int parent_death_signal = SIGKILL;  // 0: outlives us
    bool own_group = true;
};

// Returns once the exec has happened (a body: once it is about to run); what fails in the child
// before that comes back as the error, and that child is already reaped.
base::Result<pid_t> spawn(const SpawnPlan& plan);

// For a process that was forked by somebody else (a worker): SIGNAL when `parent` ends; fails if it
// has ended already.
base::Result<void> die_with_parent(int signal, pid_t parent);

// Closes every descriptor that is not in `keep`; close_range(2), or /proc/self/fd before Linux 5.9.
void close_all_but(std::vector<int> keep);
void close_all_but_by_proc(std::vector<int> keep);  // the fallback alone

base::Result<void> set_inheritable(int fd, bool inheritable);

}  // namespace mew::os
