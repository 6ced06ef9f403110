#pragma once
// The two outer sources of options, in the order in which they are read.

#include <string>
#include <vector>

#include "options/gather.h"

namespace mew::options {

// UWSGI_* first, then MEWSGI_*: lower-cased, _ to -.
void read_environment(const std::vector<std::string>& environment, Gatherer& gatherer);
// From left to right, without the program's name.
void read_command_line(const std::vector<std::string>& arguments, Gatherer& gatherer);

}  // namespace mew::options
