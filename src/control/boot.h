#pragma once
// The boot block: what a zygote is given by the master, in one sealed memfd whose number is its
// only argument; and what a front is given, by its first message. Options as options::encode_block
// has them, then the descriptors it inherits. A change of layout is a change of build id
// (control/message.h).

#include <string>
#include <vector>

#include "base/result.h"
#include "net/listener.h"
#include "options/load.h"
#include "os/fd.h"

namespace mew::control {

struct Boot {
    options::Loaded loaded;
    std::uint64_t build_id = 0;
    int master_pid = 0;
    std::uint32_t generation = 1;
    int control_fd = -1;  // the zygote's end
    int board_fd = -1;    // stats::Board
    int gate_fd = -1;     // control::Gate
    int bell_fd = -1;     // thunder-lock: rung when the token is free
    int log_fd = 2;       // where events go; 1 and 2 carry the app's own output
    bool log_colour = false;
    int handover_fd = -1;  // net::handover: retiring workers pass connections on
    int handover_take_fd = -1;
    // All listening sockets, in one order for all roles; the routed ones are not inherited.
    std::vector<net::ListenerInfo> listeners;
    std::string package_dir;         // folder of the mewsgi package that the master uses
    std::string interpreter_reason;  // "why that python", for the log
};

base::Result<os::Fd> write_boot(const Boot& boot);  // sealed memfd
base::Result<Boot> read_boot(int fd);

// A front's options are the server's, without what only the app is to know.
struct FrontBoot {
    options::Options options;
    std::uint64_t build_id = 0;
    int master_pid = 0;
    std::uint32_t number = 0;  // 1 to options.http_processes: its block on the board
    std::uint64_t incarnation = 0;
    int board_fd = -1;  // stats::FrontBoard
    int gate_fd = -1;   // control::Gate, to be read only
    int log_fd = 2;
    bool log_colour = false;
    int tls_fd = -1;          // tls::Material, as constant memory; -1: no TLS
    std::string ticket_keys;  // tls::TicketKeys, packed; empty: no TLS
    // All listening sockets, as in Boot: what a request says came by which. A front has its share
    // of the routed ones alone: fd and slot_fds name what it inherits.
    std::vector<net::ListenerInfo> listeners;
};

base::Result<os::Fd> write_front_boot(const FrontBoot& boot);
base::Result<FrontBoot> read_front_boot(int fd);

}  // namespace mew::control
