#pragma once
// A channel as both sides map it: its memory by places and sizes that were checked once. The pair
// of sockets beside it is doorbell, carrier of descriptors and death notice.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mailbox/layout.h"
#include "os/fd.h"

namespace mew::mailbox {

// Bytes that a frame takes at most: `block` of head text with `fields` fields.
std::uint32_t head_room(std::uint32_t block, std::uint32_t fields);

// The memory of a new channel, for heads of up to `head_bytes` (head_room). `slots`: from kSlots to
// kMostSlots.
base::Result<os::Fd> make_channel(std::uint32_t head_bytes, std::uint32_t slots = kSlots);

// One direction of bytes inside a slot; positions only grow.
class Ring {
public:
    Ring(char* memory, std::uint32_t size) : memory_(memory), size_(size) {}

    std::uint32_t size() const { return size_; }
    // The bytes from `position` on that lie in one piece, at most `size` of them.
    std::span<char> piece(std::uint64_t position, std::size_t size) const {
        const auto at = static_cast<std::uint32_t>(position & (size_ - 1));
        return {memory_ + at, std::min<std::size_t>(size, size_ - at)};
    }
    void put(std::uint64_t position, std::string_view bytes) const;
    void get(std::uint64_t position, char* to, std::size_t size) const;

private:
    char* memory_;
    std::uint32_t size_;
};

class Channel {
public:
    Channel() = default;
    Channel(Channel&& other) noexcept;
    Channel& operator=(Channel&& other) noexcept;
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    ~Channel();

    // Refuses what is not sealed, or has another layout.
    static base::Result<Channel> attach(int fd);

    std::uint32_t slots() const { return slots_; }
    FrontLine& front_line() const;
    WorkerLine& worker_line() const;
    std::atomic<std::uint64_t>& order(std::uint32_t number) const;
    // The bits of 64 slots that the worker's loop is to look at.
    std::atomic<std::uint64_t>& woken(std::uint32_t word) const;
    SlotControl& control(std::uint32_t slot) const;
    // Where frames lie.
    std::span<char> head(std::uint32_t slot) const;
    Ring body_ring(std::uint32_t slot) const;
    Ring reply_ring(std::uint32_t slot) const;

private:
    char* slot_at(std::uint32_t slot) const;

    char* memory_ = nullptr;
    std::size_t size_ = 0;
    std::uint32_t head_bytes_ = 0;
    std::uint32_t stride_ = 0;
    std::uint32_t slots_ = 0;
};

// --- the pair of sockets

// Never waits. False: the other side does not read, or is gone.
bool send_packet(int socket, const Packet& packet, int descriptor = -1);

struct Received {
    Packet packet{};
    os::Fd descriptor;
};
enum class Receipt : std::uint8_t { packet, nothing_yet, closed };
// What is no packet of ours counts as the end: such a peer is not to be trusted.
Receipt receive_packet(int socket, Received& received);
// More than either side of ours has on its way at once: who reads so many and finds more goes on
// with other things first, as a peer that never stops would hold it for good.
inline constexpr int kMostPackets = 256;
// How far a side reads. What lies behind a ring is another event of its loop, which is cheaper
// than to ask after each ring and find nothing; who looks for a descriptor reads all.
enum class Hear : std::uint8_t { to_next_ring, all };

}  // namespace mew::mailbox
