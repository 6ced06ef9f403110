#pragma once
// Is there memory for a second generation beside the one that serves? Looked at before a reload
// starts: in a container that is full, the kernel would kill something of the site instead.

#include <cstdint>
#include <optional>
#include <string>

#include "master/generation.h"
#include "os/cgroup.h"

namespace mew::master {

// Bytes that another generation takes at least: what the app itself holds in the zygote, since the
// new workers share it, and a little for each worker. 0: unknown.
std::uint64_t needed_beside(const Generation& running);

// Why a reload by that much would not fit, and what to do; empty: it fits, or nothing limits it.
std::string missing_memory(std::uint64_t needed, const std::optional<os::MemoryRoom>& room);

}  // namespace mew::master
