#pragma once
// `mewsgi dev`, which is the option dev: what it means for options that were not given, and what it
// refuses. Part of load(); see docs/dev.md for what people are told.

#include <cstdint>
#include <string_view>

#include "options/load.h"

namespace mew::options {

// Where it serves if no address is given, like `mewsgi APP`; but where this port is taken, the
// program looks for the next free one.
inline constexpr std::string_view kOwnHost = "127.0.0.1";
inline constexpr std::uint16_t kOwnPort = 8000;

// Between the single values and validate(): one worker of a few threads that reloads on change, and
// little patience with what still runs then.
void complete_for_dev(Loaded& loaded);
// After validate(): a mistake for each address that others can reach, as pages with source code are
// for this machine only. From here on a missing app is served as its error.
void confine_dev(Loaded& loaded);

// Nobody said where to listen: the address is kOwnHost and kOwnPort, or any port near.
bool may_choose_port(const Loaded& loaded);

}  // namespace mew::options
