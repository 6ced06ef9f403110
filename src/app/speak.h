#pragma once
// How the program tells mistakes before there is a log: all of them, one a line, with their place.

#include <cstdio>
#include <string>
#include <vector>

#include "options/load.h"

namespace mew::app {

inline void tell(const std::vector<options::Mistake>& list, const char* what) {
    for (const options::Mistake& entry : list) {
        const std::string place = entry.origin.empty() ? "" : entry.origin + ": ";
        std::fprintf(stderr, "mewsgi: %s%s%s\n", place.c_str(), what, entry.text.c_str());
    }
}

}  // namespace mew::app
