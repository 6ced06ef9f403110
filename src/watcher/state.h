#pragma once
// What a file is now, and whether the kernel tells of its changes.

#include <string>

#include "control/watch_list.h"

namespace mew::watcher {

// `with_entries`: of a folder, also what its files are, but for hidden ones and __pycache__ (a
// Python that imports from the folder makes it).
control::FileState state_of(const std::string& path, bool with_entries);

// When it became what it is, by the kernel's clock, which nobody sets back: ns since 1970, or -1
// where there is no such file, and for folders, which change with whatever is in them.
std::int64_t changed_at(const std::string& path);

// False where others may change files without this kernel's knowledge: network file systems, and
// those of a host or a program (FUSE, 9p, virtiofs).
bool hears_all(const std::string& folder);

}  // namespace mew::watcher
