#pragma once
// The text of option `singleton`: [NAME=]pkg.mod:function. Read when options are checked, by the
// master, which tells singletons of two generations for the same by their names, and (the same
// grammar, in python/mewsgi/_singleton.py) by the zygote that imports them.

#include <string>
#include <string_view>

#include "base/result.h"

namespace mew::options {

struct Singleton {
    std::string name;    // the target, unless one is given
    std::string target;  // pkg.mod:function
};

base::Result<Singleton> parse_singleton(std::string_view text);

}  // namespace mew::options
