#include "stats/board.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <new>
#include <string>
#include <utility>

#include "base/check.h"
#include "os/memory_file.h"

namespace mew::stats {
namespace {

constexpr std::uint32_t kMostSlots = 65536;

constexpr std::size_t size_for(std::uint32_t slots) {
    return sizeof(Header) + std::size_t{slots} * kLanes * sizeof(Slot);
}

base::Result<Header*> map(int fd, std::size_t size) {
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return base::fail_errno("cannot map the board of counters");
    return static_cast<Header*>(memory);
}

bool is_ours(const Header& header, std::size_t size) {
    return header.magic == kBoardMagic && header.version == kBoardVersion &&
           header.slot_size == sizeof(Slot) && header.slots >= 1 && header.slots <= kMostSlots &&
           size == size_for(header.slots);
}

}  // namespace

Board::Board(Board&& other) noexcept
    : fd_(std::move(other.fd_)),
      header_(std::exchange(other.header_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Board& Board::operator=(Board&& other) noexcept {
    if (this == &other) return *this;
    if (header_ != nullptr) ::munmap(header_, size_);
    fd_ = std::move(other.fd_);
    header_ = std::exchange(other.header_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
}

Board::~Board() {
    if (header_ != nullptr) ::munmap(header_, size_);
}

base::Result<Board> Board::create(std::uint32_t slots) {
    if (slots == 0 || slots > kMostSlots)
        return base::fail("a board of counters has 1 to " + std::to_string(kMostSlots) +
                          " worker slots, not " + std::to_string(slots));
    Board board;
    board.size_ = size_for(slots);
    auto fd = os::make_shared_memory("mewsgi-board", board.size_);
    if (!fd) return std::move(fd).failure();
    board.fd_ = std::move(*fd);
    auto mapped = map(board.fd_.get(), board.size_);
    if (!mapped) return std::move(mapped).failure();
    board.header_ = new (*mapped) Header{kBoardMagic, kBoardVersion, slots, sizeof(Slot)};
    for (std::uint32_t id = 1; id <= slots; ++id) {
        for (std::uint32_t lane = 0; lane < kLanes; ++lane) new (&board.slot(id, lane)) Slot{};
    }
    return board;
}

base::Result<Board> Board::attach(int fd) {
    const auto size = os::shared_memory_size(fd);
    if (!size) return base::Unexpected<base::Error>{size.error()};
    if (*size < sizeof(Header)) return base::fail("the board of counters is too small");
    Board board;
    board.fd_ = os::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!board.fd_) return base::fail_errno("cannot keep the board of counters");
    auto mapped = map(board.fd_.get(), *size);
    if (!mapped) return std::move(mapped).failure();
    board.header_ = *mapped;
    board.size_ = *size;
    if (!is_ours(*board.header_, *size))
        return base::fail("the board of counters belongs to another build of mewsgi");
    return board;
}

Slot& Board::slot(std::uint32_t id, std::uint32_t lane) {
    // Against the size that was mapped: what stands in shared memory may have changed since.
    MEW_CHECK(id >= 1 && size_for(id) <= size_ && lane < kLanes);
    auto* const first = reinterpret_cast<Slot*>(reinterpret_cast<char*>(header_) + sizeof(Header));
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
