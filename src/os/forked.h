#pragma once
// Whether this process is a child that the app forked out of a worker. Threads of ours do not exist
// in it, and what it shares with the worker (epoll, sockets) is the worker's.

#include <sys/types.h>

namespace mew::os {

// From now on children of this process are told apart.
void watch_forks();
bool is_forked_child();

// A thread can be joined a moment before the kernel ceases to count it; waits that moment.
void wait_until_unlisted(pid_t tid);

}  // namespace mew::os
