#pragma once
// What a single row cannot see: options that need or exclude each other, things that must exist.

#include "options/load.h"

namespace mew::options {

// `complete`: nothing that was meant is missing, so that an absent option is a mistake.
void validate(Loaded& loaded, bool complete);

}  // namespace mew::options
