#pragma once
// What a single row cannot see: options that need or exclude each other, things that must exist.

#include "options/load.h"

namespace mew::options {

void validate(Loaded& loaded);

}  // namespace mew::options
