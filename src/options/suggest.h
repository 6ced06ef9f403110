#pragma once
// Did you mean: the known name nearest to one that nobody knows.

#include <string>
#include <string_view>

namespace mew::options {

// Insertions, deletions, replacements and swaps of neighbours; stops counting above `limit`.
std::size_t edit_distance(std::string_view one, std::string_view other, std::size_t limit);

// The nearest option or alias, else uWSGI's name; empty if none is near.
std::string nearest_name(std::string_view name);
// "; did you mean processes?" or empty.
std::string did_you_mean(std::string_view name);

}  // namespace mew::options
