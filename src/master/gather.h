#pragma once
// From what the supervisor holds to what `mewsgi status` shows.

#include <string>

#include "master/generations.h"
#include "master/holdings.h"
#include "master/singletons.h"
#include "master/status.h"

namespace mew::master {

ServerStatus gather_status(Holdings& holdings, const Generations& generations,
                           const Singletons& singletons, const std::string& state);
// For the log (SIGUSR1): one line, then one for each worker.
std::string status_lines(const ServerStatus& status);

}  // namespace mew::master
