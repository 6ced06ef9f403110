#pragma once
// A fork whose grandchild is nobody's child but the subreaper's: the one in the middle ends at
// once, so a worker is a child of the master from birth, waitid(2) there gives its true end, and
// os.getppid() in the app is the master. Knows no Python; the zygote frames it with fork hooks.

#include <sys/types.h>

#include "base/result.h"
#include "os/fd.h"

namespace mew::python {

struct Forked {
    pid_t pid = 0;     // in the caller: the grandchild; in the grandchild: 0
    pid_t middle = 0;  // who forked the grandchild, and is about to end
    os::Fd orphaned;   // grandchild only: reaches its end of file when the middle one is gone
    bool is_grandchild() const { return pid == 0; }
};

base::Result<Forked> fork_twice();

// In the grandchild: waits until `parent` is its parent; an error if it is somebody else's or if
// that takes longer than it can take.
base::Result<void> wait_for_parent(const Forked& forked, pid_t parent);

}  // namespace mew::python
