#pragma once
// The layouts that processes of one server share while they live: what an upgraded master must have
// in common with the zygotes and workers of the build before (master/adopt), and new workers with
// old ones. The build id says more, namely that all is equal; these numbers say that it fits.
// Written into the master's state by the old build, compared by the new one.

#include <cstdint>
#include <string>

#include "base/packing.h"

namespace mew::control {

// The packet that carries a connection from one worker to another (worker/handover).
inline constexpr std::uint32_t kHandoverVersion = 2;
// Channels between fronts and workers (mailbox/layout.h, which this folder may not include): fronts
// of one build are joined to workers of another.
inline constexpr std::uint32_t kMailboxVersion = 4;

struct Layouts {
    std::uint64_t orders = 0;    // control/message
    std::uint64_t gate = 0;      // control/gate
    std::uint64_t board = 0;     // stats/board
    std::uint64_t slot = 0;      // size of its blocks
    std::uint64_t handover = 0;  // worker/handover
    std::uint64_t mailbox = 0;   // mailbox/layout
    std::uint64_t fronts = 0;    // stats/front_board

    bool operator==(const Layouts&) const = default;
};

// Those of this build.
Layouts own_layouts();
// Names of what differs, "orders, board"; empty: all fits.
std::string difference(const Layouts& one, const Layouts& other);

void write_layouts(base::Writer& writer, const Layouts& layouts);
void read_layouts(base::Reader& reader, Layouts& layouts);

}  // namespace mew::control
