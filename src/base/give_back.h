#pragma once
// Memory that is not needed any more. Assigning an empty string does not do it: libstdc++ copies a
// short one into the place of the long one, and keeps that.

#include <string>

namespace mew::base {

// Empties it.
inline void give_back(std::string& text) { std::string().swap(text); }

}  // namespace mew::base
