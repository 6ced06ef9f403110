#include "stats/front_board.h"

#include <array>
#include <new>
#include <string>
#include <utility>

#include "base/check.h"

namespace mew::stats {
namespace {

constexpr const char* kName = "mewsgi-fronts";
constexpr std::uint32_t kMostFronts = 1024;

constexpr FrontCounter kCounters[] = {
    {"accepted", &FrontSlot::accepted},
    {"connections", &FrontSlot::connections, true},
    {"requests", &FrontSlot::requests},
    {"refused", &FrontSlot::refused},
    {"aborted", &FrontSlot::aborted},
    {"timeouts", &FrontSlot::timeouts},
    {"head_timeouts", &FrontSlot::head_timeouts},
    {"body_timeouts", &FrontSlot::body_timeouts},
    {"send_timeouts", &FrontSlot::send_timeouts},
    {"keepalive_timeouts", &FrontSlot::keepalive_timeouts},
    {"slow_clients", &FrontSlot::slow_clients},
    {"dropped_fields", &FrontSlot::dropped_fields},
    {"too_large", &FrontSlot::too_large},
    {"rx_bytes", &FrontSlot::rx_bytes},
    {"tx_bytes", &FrontSlot::tx_bytes},
    {"queued", &FrontSlot::queued, true},
    {"queue_wait_us", &FrontSlot::queue_wait_us},
    {"queue_waited", &FrontSlot::queue_waited},
    {"queue_wait_max_us", &FrontSlot::queue_wait_max_us, true},
    {"queue_full", &FrontSlot::queue_full},
    {"queue_timeouts", &FrontSlot::queue_timeouts},
    {"retries", &FrontSlot::retries},
    {"revocations", &FrontSlot::revocations},
    {"cancelled", &FrontSlot::cancelled},
    {"lost", &FrontSlot::lost},
    {"spills", &FrontSlot::spills},
    {"spill_bytes", &FrontSlot::spill_bytes},
    {"channels", &FrontSlot::channels, true},
    {"outstanding", &FrontSlot::outstanding, true},
    {"broken_channels", &FrontSlot::broken_channels},
    {"syscalls_denied", &FrontSlot::syscalls_denied},
    {"tls_handshakes", &FrontSlot::tls_handshakes},
    {"tls_resumed", &FrontSlot::tls_resumed},
    {"tls_failures", &FrontSlot::tls_failures},
    {"http2_connections", &FrontSlot::http2_connections},
    {"http2_faults", &FrontSlot::http2_faults},
};

constexpr std::size_t size_for(std::uint32_t fronts) {
    return sizeof(FrontHeader) + std::size_t{fronts} * sizeof(FrontSlot);
}

bool is_ours(const FrontHeader& header, std::size_t size) {
    return header.magic == kFrontBoardMagic && header.version == kFrontBoardVersion &&
           header.slot_size == sizeof(FrontSlot) && header.fronts >= 1 &&
           header.fronts <= kMostFronts && size == size_for(header.fronts);
}

}  // namespace

std::span<const FrontCounter> front_counters() { return kCounters; }

base::Result<FrontBoard> FrontBoard::create(std::uint32_t fronts) {
    if (fronts == 0 || fronts > kMostFronts)
        return base::fail("the fronts' board has 1 to " + std::to_string(kMostFronts) +
                          " blocks, not " + std::to_string(fronts));
    auto memory = os::SharedMapping::create(kName, size_for(fronts));
    if (!memory) return std::move(memory).failure();
    FrontBoard board;
    board.memory_ = std::move(*memory);
    new (board.memory_.data())
        FrontHeader{kFrontBoardMagic, kFrontBoardVersion, fronts, sizeof(FrontSlot)};
    for (std::uint32_t number = 1; number <= fronts; ++number)
        new (&board.slot(number)) FrontSlot{};
    return board;
}

base::Result<FrontBoard> FrontBoard::attach(int fd) {
    auto memory = os::SharedMapping::attach(fd, kName, sizeof(FrontHeader));
    if (!memory) return std::move(memory).failure();
    FrontBoard board;
    board.memory_ = std::move(*memory);
    if (!is_ours(*board.first(), board.memory_.size()))
        return base::fail("the fronts' board belongs to another build of mewsgi");
    return board;
}

FrontSlot& FrontBoard::slot(std::uint32_t number) {
    // Against the size that was mapped: what stands in shared memory may have changed since.
    MEW_CHECK(number >= 1 && size_for(number) <= memory_.size());
    auto* const first =
        reinterpret_cast<FrontSlot*>(static_cast<char*>(memory_.data()) + sizeof(FrontHeader));
    return first[number - 1];
}

void FrontBoard::clear_present(std::uint32_t number) {
    FrontSlot& block = slot(number);
    for (Counter FrontSlot::*gauge : {&FrontSlot::connections, &FrontSlot::queued,
                                      &FrontSlot::channels, &FrontSlot::outstanding})
        (block.*gauge).store(0, std::memory_order_relaxed);
}

}  // namespace mew::stats
