#pragma once
// From checked options to a running server, in the order in which things may fail: python and
// identity, log, sockets, pidfile, first generation. Called once, by app/main.cc.

#include "master/program.h"
#include "options/load.h"

namespace mew::master {

// Returns at the end of the server, with its exit status.
int launch(const Program& program, options::Loaded loaded);

}  // namespace mew::master
