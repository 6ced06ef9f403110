#pragma once
// The way to a file: each folder that a path leads through and the name in it that comes next,
// symbolic links followed, so that whatever makes the path lead to another file is heard: a link
// swapped (Kubernetes' `..data`), a folder replaced, a file that comes to be where there was none.

#include <string>
#include <vector>

#include "watcher/folders.h"

namespace mew::watcher {

struct Trail {
    struct Step {
        int folder;
        std::string name;  // empty: whatever is in it
    };
    std::vector<Step> steps;
    std::string last_folder;  // the deepest that there is
    std::string why_deaf;     // not empty: that one cannot be watched
};

// Follows `path` (absolute) and watches as it goes: first a folder, then what is in it, so that
// nothing comes to be unheard in between. `inside`: if it is a folder, what is in it matters too.
Trail follow(Folders& folders, const std::string& path, bool inside);

}  // namespace mew::watcher
