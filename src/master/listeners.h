#pragma once
// Binds what the options name, and with reuse-port one socket for each worker slot: more when a
// reload asks for more workers, and never fewer, since closing one would drop what waits in it.

#include <string>
#include <vector>

#include "master/holdings.h"

namespace mew::master {

// All mistakes, not the first.
std::vector<std::string> bind_listeners(Holdings& holdings, const options::Options& options);
// reuse-port: a socket for each of `processes` slots.
base::Result<void> grow_listeners(Holdings& holdings, int processes);

}  // namespace mew::master
