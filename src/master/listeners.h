#pragma once
// With reuse-port, one socket for each worker slot on every address that the master bound: more
// when a reload asks for more workers, and never fewer, since closing one would drop what waits in
// it.

#include "master/holdings.h"

namespace mew::master {

// A socket for each of `processes` slots. An inherited one stays alone: workers share it.
base::Result<void> grow_listeners(Holdings& holdings, int processes);

}  // namespace mew::master
