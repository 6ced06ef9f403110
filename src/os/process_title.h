#pragma once
// The name under which ps and top show this process ("mewsgi worker 1"). Works in the native
// program and inside python alike, as it finds the argument area by /proc/self/stat.

#include <cstddef>
#include <string_view>

namespace mew::os {

// How many bytes a title may have here; 0: titles do not work on this kernel.
std::size_t title_capacity();

// Longer titles are cut. The environment is moved aside first, because the area includes it; the
// program name of the C library too. Also sets the thread name (PR_SET_NAME, 15 bytes).
// Must not run while other threads read the environment: call it before threads start.
bool set_process_title(std::string_view title);

// Whether this process, or the one it was forked from, ever took a title: a fork of it would show
// up under its parent's.
bool has_process_title();

}  // namespace mew::os
