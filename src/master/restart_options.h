#pragma once
// Options that only a restart can change, since what they made belongs to the master for life
// (sockets, identity, pidfile, kind of log). A reload keeps their old values and says so.

#include <string>
#include <vector>

#include "options/options.h"

namespace mew::master {

// Puts the values of `running` back into `fresh`; returns the names that differed.
std::vector<std::string> keep_restart_options(const options::Options& running,
                                              options::Options& fresh);

}  // namespace mew::master
