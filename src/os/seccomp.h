#pragma once
// The system calls that a front may make, held by the kernel (seccomp, a BPF program): whoever
// takes a front over through hostile bytes can do nothing that an epoll server need not do.
// Installed by the front once it has its sockets, folders and first threads; never taken off.
//
//   allowed   what src/front and the C library's threads, memory and clocks ask for
//   killed    the whole process, by SIGSYS: another program, other processes' memory, executable
//             memory, sockets that could listen, another architecture's calls (x32, i386)
//   denied    all else: ENOSYS, as if the kernel did not have it, and counted
//
// What is denied comes back as a SIGSYS whose handler counts and answers; so SIGSYS must not be
// blocked in any thread (os::BlockedSignals leaves it open).

#include <atomic>
#include <cstdint>

#include "base/result.h"

namespace mew::os {

enum class Opens : std::uint8_t {
    nameless,     // temporary files without a name, no others
    for_reading,  // and any file for reading only: where Landlock says which (os/landlock)
};

// For every thread of this process, those to come included. `denied` is counted up by threads of
// this process at any time from now on, so it must live as long: it may lie in shared memory. Sets
// no_new_privs. An error means that nothing is filtered: a kernel without seccomp, or a container
// that forbids it.
base::Result<void> install_front_filter(std::atomic<std::uint64_t>& denied,
                                        Opens opens = Opens::nameless);

// Number of the call that was denied last (asm/unistd.h), -1 if none was: for the log.
int last_denied_call();

}  // namespace mew::os
