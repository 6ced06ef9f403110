#pragma once
// Listening sockets that this process was started with: systemd's (LISTEN_PID, LISTEN_FDS from
// descriptor 3 on, LISTEN_FDNAMES), standard input as uWSGI's emperor and inetd pass it, and any
// other that an option names by its number. Run by the master at its start, before it opens
// anything of its own: later, a number could be one of ours.
//
// They stay what they are: no option of theirs is changed but what every listener of ours needs
// (non-blocking, close-on-exec, TCP_NODELAY), and their UNIX paths are never removed.

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "net/listener.h"

namespace mew::net {

struct Inherited {
    int fd = -1;
    std::string giver;  // "from systemd as web.socket", "as standard input"; empty: nobody said
};

// What is passed openly, unchecked: systemd's, then standard input where it is a listening socket.
// Variables meant for another process pass nothing. `pid` is this process.
base::Result<std::vector<Inherited>> find_inherited(const std::vector<std::string>& environment,
                                                    pid_t pid);
// Without the variables by which sockets are passed: they are for this process alone.
void forget_passing(std::vector<std::string>& environment);

// Why `socket` cannot be listened on; names it.
base::Result<void> check_listening(const Inherited& socket);

// Takes a checked one over. 0 gets another number, and /dev/null in its place.
base::Result<Listener> adopt_listener(Protocol protocol, const std::string& option,
                                      const Inherited& socket);

}  // namespace mew::net
