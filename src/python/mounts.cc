#include "python/mounts.h"

namespace mew::python {
namespace {

bool begins(std::string_view path, std::string_view prefix) {
    return path.starts_with(prefix) &&
           (path.size() == prefix.size() || prefix.empty() || path[prefix.size()] == '/');
}

}  // namespace

std::size_t Mounts::find(std::string_view path) const {
    std::size_t best = kNone;
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
        if (!begins(path, prefixes_[i])) continue;
        if (best == kNone || prefixes_[i].size() > prefixes_[best].size()) best = i;
    }
    return best;
}

std::size_t Mounts::find_equal(std::string_view prefix) const {
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
        if (prefixes_[i] == prefix) return i;
    }
    return kNone;
}

std::size_t Mounts::find_chosen(std::string_view script_name) const {
    if (script_name.ends_with('/')) script_name.remove_suffix(1);
    const std::size_t chosen = find_equal(script_name);
    return chosen != kNone ? chosen : find_equal("");
}

}  // namespace mew::python
