#pragma once
// The other side of an upgrade: this program is executed in the place of a master that runs, and
// goes on as that master (`mewsgi --adopt=FD`); before, it was asked as that master's child whether
// it can (`mewsgi --adopt-check=FD`). FD is the master's state (master/state).

#include <string>

#include "master/program.h"

namespace mew::master {

// The exit status: 0 if the state and all it names can be taken over; else says why not.
int adopt_check(const std::string& state_fd);

// Takes everything over, then reloads, so that the app runs on this build too. The exit status of
// the server. `own` brings what the state cannot: version and logger.
int adopt(const Program& own, const std::string& state_fd);

}  // namespace mew::master
