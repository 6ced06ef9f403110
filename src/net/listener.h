#pragma once
// Listening sockets: parsed, bound and described. The master binds them once and keeps them for
// ever; zygotes and workers inherit them by number.

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/protocol.h"
#include "os/fd.h"

namespace mew::net {

// What a role must know of an inherited listener.
struct ListenerInfo {
    int fd = -1;  // with reuse-port: the first of slot_fds; -1: described, but not inherited
    Protocol protocol = Protocol::http;
    std::string option;   // that named it: "http", "socket", ...
    std::string address;  // as given: ":8000"; port 0 replaced by the real one
    bool unix_socket = false;
    std::string server_name;  // for environ, where no Host tells: own host name
    std::string server_port;  // "8000"; "" for UNIX sockets
    // reuse-port: one for each worker slot, or front, and perhaps more
    std::vector<int> slot_fds;
    bool routed = false;  // fronts serve it; workers do not listen there

    // What the worker (or front) in `slot` of `slots` listens on. Sockets beyond the number of
    // slots (there were more once) are shared out, so that each has somebody.
    std::vector<int> fds_of(std::uint32_t slot, std::uint32_t slots) const;
};

struct BindSettings {
    int backlog = 1024;
    std::optional<mode_t> mode;  // UNIX sockets
    std::string owner;           // user[:group], UNIX sockets
    bool reuse_port = false;     // TCP: several sockets may share the port
};

struct Listener {
    os::Fd fd;
    std::vector<os::Fd> more_fds;  // reuse-port: those of slots beyond the first
    int backlog = 0;
    ListenerInfo info;    // info.fd == fd.get(); port 0 is resolved here
    std::string path;     // absolute UNIX path to unlink (vacuum); empty for others
    std::string warning;  // for the log: the backlog was clipped; empty: all as asked
    bool inherited = false;
    std::string giver;  // of an inherited one, where it is known: net/inherited
};

// Fills info of a listener whose fd is bound; `address` as the log shall show it.
void describe_listener(Listener& listener, Protocol protocol, const std::string& option,
                       const std::string& address);

// Binds and listens; TCP with SO_REUSEADDR, TCP_NODELAY, non-blocking, close-on-exec. A UNIX socket
// is bound beside its place and renamed into it; a stale one is replaced only if nobody answers.
// A taken TCP port names its holder (pid and program) where /proc shows it. `address` is none of a
// socket that is there already (fd://N, =N).
base::Result<Listener> bind_listener(Protocol protocol, const std::string& option,
                                     const std::string& address, const BindSettings& settings);

// reuse-port: one more socket on the same address, for one more worker slot.
base::Result<void> add_slot_socket(Listener& listener);

}  // namespace mew::net
