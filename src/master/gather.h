#pragma once
// From what the supervisor holds to what `mewsgi status` shows.

#include <string>

#include "master/generations.h"
#include "master/holdings.h"
#include "master/status.h"

namespace mew::master {

ServerStatus gather_status(Holdings& holdings, const Generations& generations,
                           const std::string& state);
// One line for the log (SIGUSR1).
std::string status_line(const ServerStatus& status);

}  // namespace mew::master
