#pragma once
// Signals as events: blocked, and read from a descriptor by the event loop (master, worker).

#include <signal.h>
#include <sys/types.h>

#include <initializer_list>
#include <string>

#include "base/result.h"
#include "os/fd.h"

namespace mew::os {

struct SignalEvent {
    int number = 0;
    pid_t sender = 0;  // 0: the kernel
    uid_t sender_uid = 0;
};

// Blocks `signals` in this thread and gives a non-blocking, close-on-exec signalfd for them.
base::Result<Fd> open_signals(std::initializer_list<int> signals);
// The next pending one; false: none left.
bool next_signal(int fd, SignalEvent& event);

// While it lives, this thread takes no signal; threads that it starts never do.
class BlockedSignals {
public:
    BlockedSignals();
    ~BlockedSignals();
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;

private:
    sigset_t before_;
};

void ignore_signals(std::initializer_list<int> signals);
// For a new process: every disposition default, nothing blocked.
void reset_signals();

// "SIGTERM"; "signal 42" for what has no name.
std::string signal_name(int number);
// How a child ended, from a waitpid(2) status: "exited with status 1", "was killed by SIGKILL".
std::string describe_end(int wait_status);

}  // namespace mew::os
