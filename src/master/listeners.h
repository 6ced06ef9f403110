#pragma once
// Who serves which of the server's sockets, and how many of each there are. With reuse-port, one
// socket for each worker slot, or each front, on every address that the master bound: more when a
// reload asks for more processes, and never fewer, since closing one would drop what waits in it.

#include "master/holdings.h"

namespace mew::master {

enum class Serving : std::uint8_t { workers, fronts };

// What `http` names is served by fronts, where this program has them.
void route_listeners(Holdings& holdings);
bool has_routed_listeners(const Holdings& holdings);

// A socket for each of `processes` of those who serve. An inherited one stays alone: all share it.
base::Result<void> grow_listeners(Holdings& holdings, Serving serving, int processes);

}  // namespace mew::master
