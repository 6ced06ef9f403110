#include "stats/board.h"

#include <new>
#include <string>
#include <utility>

#include "base/check.h"

namespace mew::stats {
namespace {

constexpr const char* kName = "mewsgi-board";
constexpr std::uint32_t kMostSlots = 65536;

constexpr std::size_t size_for(std::uint32_t slots) {
    return sizeof(Header) + std::size_t{slots} * kLanes * sizeof(Slot);
}

bool is_ours(const Header& header, std::size_t size) {
    return header.magic == kBoardMagic && header.version == kBoardVersion &&
           header.slot_size == sizeof(Slot) && header.slots >= 1 && header.slots <= kMostSlots &&
           size == size_for(header.slots);
}

}  // namespace

base::Result<Board> Board::create(std::uint32_t slots) {
    if (slots == 0 || slots > kMostSlots)
        return base::fail("a board of counters has 1 to " + std::to_string(kMostSlots) +
                          " worker slots, not " + std::to_string(slots));
    auto memory = os::SharedMapping::create(kName, size_for(slots));
    if (!memory) return std::move(memory).failure();
    Board board;
    board.memory_ = std::move(*memory);
    new (board.memory_.data()) Header{kBoardMagic, kBoardVersion, slots, sizeof(Slot)};
    for (std::uint32_t id = 1; id <= slots; ++id) {
        for (std::uint32_t lane = 0; lane < kLanes; ++lane) new (&board.slot(id, lane)) Slot{};
    }
    return board;
}

base::Result<Board> Board::attach(int fd) {
    auto memory = os::SharedMapping::attach(fd, kName, sizeof(Header));
    if (!memory) return std::move(memory).failure();
    Board board;
    board.memory_ = std::move(*memory);
    if (!is_ours(board.header(), board.memory_.size()))
        return base::fail("the board of counters belongs to another build of mewsgi");
    return board;
}

Slot& Board::slot(std::uint32_t id, std::uint32_t lane) {
    // Against the size that was mapped: what stands in shared memory may have changed since.
    MEW_CHECK(id >= 1 && size_for(id) <= memory_.size() && lane < kLanes);
    auto* const first =
        reinterpret_cast<Slot*>(static_cast<char*>(memory_.data()) + sizeof(Header));
    return first[(id - 1) * kLanes + lane];
}

Slot& Board::newest(std::uint32_t id) {
    const auto incarnation = [&](std::uint32_t lane) {
        return slot(id, lane).incarnation.load(std::memory_order_relaxed);
    };
    return slot(id, incarnation(1) > incarnation(0) ? 1 : 0);
}

std::uint64_t Board::total(std::uint32_t id, Counter Slot::*counter) {
    return (slot(id, 0).*counter).load(std::memory_order_relaxed) +
           (slot(id, 1).*counter).load(std::memory_order_relaxed);
}

}  // namespace mew::stats
