#pragma once
// What a single row cannot see: options that need or exclude each other, things that must exist.

#include "options/load.h"

namespace mew::options {

struct Expected {
    bool all = true;      // nothing that was meant is missing: an absent option is a mistake
    bool address = true;  // false: there are sockets to serve on without one
};
void validate(Loaded& loaded, Expected expected);

}  // namespace mew::options
