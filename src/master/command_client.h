#pragma once
// `mewsgi reload|upgrade|stop|status`, run by people and service files: finds the master by its
// pid, asks it, prints what it says and ends with a true exit status (0 done, 1 failed, 3 not
// running).

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "master/command_text.h"

namespace mew::master {

// Waits for the answer. An error whose code is EACCES or EPERM: another user's process; any other:
// no server there.
base::Result<CommandAnswer> ask_server(pid_t pid, Command command);

// `name` is reload, upgrade, stop or status; `arguments` what follows it on the command line.
int run_command(const std::string& name, const std::vector<std::string>& arguments);

}  // namespace mew::master
