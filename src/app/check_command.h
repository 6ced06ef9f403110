#pragma once
// `mewsgi check [options]`: everything wrong with a configuration, or what it means; nothing is
// bound and nothing runs. With --emit it hands the checked options to a master that reloads; and
// with --emit=passed, to one that was started with sockets, which need no address then.

#include <string>
#include <vector>

namespace mew::app {

int run_check(std::vector<std::string> arguments, const std::vector<std::string>& environment);

}  // namespace mew::app
