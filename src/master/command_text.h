#pragma once
// What `mewsgi reload|upgrade|stop|status` and the master say to each other: one line each way,
// then text.
//
//   > mewsgi 1 reload\n        (also: upgrade, stop, status, status-json)
//   < 0\n                      exit status of the command, then what it prints, then end of file
//
// The socket is abstract, so it needs no path and no clean-up; its name holds the pid namespace,
// since two containers may share a network namespace and have the same pids.

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace mew::master {

enum class Command : std::uint8_t { reload, upgrade, stop, status, status_json };

inline constexpr std::size_t kMaxCommand = 256;

std::string command_line_for(Command command);
std::optional<Command> parse_command(std::string_view line);

struct CommandAnswer {
    int status = 0;
    std::string text;
};
std::string encode_answer(const CommandAnswer& answer);
base::Result<CommandAnswer> decode_answer(const std::string& bytes);

// "mewsgi.<inode>.<pid>" of a master, in the abstract namespace. The pid in the name is the one
// that the master itself sees, so that a container can be commanded from outside too.
base::Result<std::string> command_socket_name(pid_t pid);
// Of /proc/PID/status: the process's pid in its own pid namespace, the last of the line NSpid.
std::optional<pid_t> innermost_pid(std::string_view status);
// The address and its length.
std::pair<sockaddr_un, socklen_t> abstract_address(const std::string& name);

}  // namespace mew::master
