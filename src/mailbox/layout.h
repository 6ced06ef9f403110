#pragma once
// The memory of one channel, between one incarnation of a front and one of a worker: a memfd that
// is sealed against resizing, made by the master (mailbox/channel.h), mapped by both.
//
//   +--------+-----------+------------+--------+-------+--------+--------+-- - - --+----------+
//   | Header | FrontLine | WorkerLine | orders | woken | slot 0 | slot 1 |         | slot n-1 |
//   +--------+-----------+------------+--------+-------+--------+--------+-- - - --+----------+
//                                                  |
//   one slot, page aligned:                        v
//   +-------------+---------------------------------------------+-------------------------+
//   | SlotControl | request: RequestFrame, fields, variables,   | reply: ring of records  |
//   |             | block, then the ring of the body            |                         |
//   +-------------+---------------------------------------------+-------------------------+
//
// A slot carries one request at a time, and only pages that were used take memory: the front fills
// the lowest free slot first. A channel has kSlots, or as many as its worker runs requests at once,
// up to kMostSlots.
//
//   FREE --post--> POSTED --take--> TAKEN --first record--> REPLYING --last record--> DONE --> FREE
//                     \---revoke--> FREE
//   front: post, revoke, the step to FREE        worker: take, replying, done
//
// Each step out of POSTED is a compare-and-swap of state and sequence number together, so a revoked
// request is never taken, and a slot that was used again meanwhile is not taken for the old one.
// `orders` says in which order; the worker skips orders whose slot has moved on.
//
// Doorbell: whoever is about to wait sets its `sleeping`, looks once more, then waits; whoever has
// news publishes them, then clears the other's `sleeping`, and rings if it was set. All four are
// sequentially consistent: with less, wake-ups are lost.
//
// A worker whose app does not wait in a call (ASGI) says kTellLoop instead of sleeping on a slot's
// word `waiting`: then the front sets the slot's bit in `woken` and rings. It takes the bits off in
// its loop.
//
// Rings have a power of two of bytes less nothing: positions only grow, the place of one is its
// remainder. Each is written by one side. What either side reads here it reads once, checks, and
// then uses: the other may be hostile.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "http/request_head.h"

namespace mew::mailbox {

inline constexpr std::uint64_t kMagic = 0x4d45574d424f5831;  // "MEWMBOX1"
inline constexpr std::uint32_t kVersion = 4;
inline constexpr std::uint32_t kSlots = 16;
inline constexpr std::uint32_t kMostSlots = 1024;
inline constexpr std::uint32_t kOrders = 2 * kMostSlots;
inline constexpr std::uint32_t kWokenWords = kMostSlots / 64;
inline constexpr std::uint32_t kBodyRing = 65536;
inline constexpr std::uint32_t kReplyRing = 65536;
inline constexpr std::uint32_t kPage = 4096;

enum class SlotState : std::uint8_t { free, posted, taken, replying, done };

// A slot's state and the number of the request in it, as one word.
constexpr std::uint64_t state_word(std::uint64_t sequence, SlotState state) {
    return sequence << 8 | static_cast<std::uint64_t>(state);
}
constexpr std::uint64_t order_word(std::uint64_t sequence, std::uint32_t slot) {
    return sequence << 16 | slot;
}

struct alignas(64) Header {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t slots;
    std::uint32_t head_bytes;   // room for a frame with its arrays and block
    std::uint32_t slot_stride;  // bytes from one slot to the next
};

struct alignas(64) FrontLine {
    std::atomic<std::uint32_t> tail;      // orders given so far; front
    std::atomic<std::uint32_t> sleeping;  // set by the front, cleared by either
};

struct alignas(64) WorkerLine {
    std::atomic<std::uint32_t> head;      // orders looked at so far; worker
    std::atomic<std::uint32_t> sleeping;  // set by the worker, cleared by either
};

// How the body ends, in SlotControl::body_end: 0 is open, 1 complete, anything from 400 the status
// of what went wrong with it.
inline constexpr std::uint32_t kBodyOpen = 0;
inline constexpr std::uint32_t kBodyComplete = 1;

// In SlotControl::cancelled; 0: neither.
inline constexpr std::uint32_t kNobodyWaits = 1;  // for the answer
inline constexpr std::uint32_t kInputEnded = 2;   // the client sends nothing more

// In SlotControl::waiting; 0: it waits for nothing.
inline constexpr std::uint32_t kSleeps = 1;
inline constexpr std::uint32_t kTellLoop = 2;

struct alignas(64) SlotControl {
    std::atomic<std::uint64_t> state;  // state_word()
    // written by the front
    alignas(64) std::atomic<std::uint64_t> body_written;  // bytes of body put into the ring so far
    std::atomic<std::uint64_t> reply_read;                // bytes of reply taken out: credit
    std::atomic<std::uint32_t> body_end;
    std::atomic<std::uint32_t> cancelled;  // kNobodyWaits, or kInputEnded
    // written by the worker
    alignas(64) std::atomic<std::uint64_t> reply_written;  // bytes of records published
    std::atomic<std::uint64_t> body_read;
    std::atomic<std::uint32_t> waiting;  // kSleeps on this word, or kTellLoop, for body, credit or
                                         // the end; cleared by the front, which then wakes it
};

enum class BodyWay : std::uint32_t { none, ring, file };

// The request as the front posts it. Behind it: fields, variables, block; offsets are from the
// frame's start.
struct RequestFrame {
    http::RequestFacts facts;
    std::uint32_t fields = 0;     // count of http::FieldSlices
    std::uint32_t variables = 0;  // count of http::Variable
    std::uint32_t block_size = 0;
    BodyWay body = BodyWay::none;
    std::uint64_t body_size = 0;   // of the whole body, where body_known
    std::uint64_t connection = 0;  // number of the client's connection in its front
    std::uint32_t listener = 0;    // index of the listening socket
    std::uint32_t body_known = 0;  // 1: body_size is that of the whole body
    std::uint8_t address_size = 0;
    std::uint8_t port_size = 0;
    std::uint8_t may_lend = 0;  // 1: the front would
    char address[46] = {};
    char port[6] = {};
};

// Records of a reply, each with its payload behind it, padded to kRecordAlign.
enum class RecordKind : std::uint32_t {
    go_on,  // 100 (Continue) is due: the app reads its body
    head,   // ReplyHead, then the headers
    body,   // bytes
    file,   // FilePart; the descriptor came by the doorbell before
    lend,   // LendPart: the app takes the client's connection over, in place of a head: the front
            // sends it by the doorbell, and what was received on it already by the body
    trailers,  // ReplyHead, then fields that go behind the body, before `end`
    hints,     // ReplyHead, then headers that go ahead of the answer (103)
    end,       // complete; nothing follows
    fail,      // FailPart; nothing follows
};
struct Record {
    std::uint32_t kind;
    std::uint32_t size;  // of the payload, without padding
};
inline constexpr std::uint32_t kRecordAlign = 8;

struct ReplyHead {
    std::uint64_t implied_length = UINT64_MAX;  // UINT64_MAX: none
    std::uint32_t headers = 0;
    std::uint32_t reason_size = 0;
    std::uint16_t status = 0;
    std::uint16_t wants_close = 0;
    std::uint32_t reserved = 0;
};
// Behind a ReplyHead: for each header these two sizes; then reason, names and values in order.
struct HeaderSizes {
    std::uint32_t name;
    std::uint32_t value;
};
struct FilePart {
    std::uint64_t offset;
    std::uint64_t size;
};
enum class Lend : std::uint32_t {
    until_end,  // the record `end` gives it back, and the front ends it
    for_good,   // the front keeps nothing of it; `end` is due as soon as it came
};
struct LendPart {
    Lend how;
    std::uint32_t reserved;
};
struct FailPart {
    std::uint32_t status;  // for the client, if nothing was answered yet
    std::uint32_t reserved;
};

// What goes over the pair of sockets; a file's packet has one descriptor with it.
enum class PacketKind : std::uint32_t { ring, file, leaving };
struct Packet {
    PacketKind kind;
    std::uint32_t slot;
    std::uint64_t sequence;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(sizeof(Header) == 64 && sizeof(FrontLine) == 64 && sizeof(WorkerLine) == 64);
static_assert(sizeof(SlotControl) == 192);
static_assert(std::is_trivially_copyable_v<RequestFrame> && sizeof(RequestFrame) == 200);
static_assert(std::is_trivially_copyable_v<http::FieldSlices> && sizeof(http::FieldSlices) == 20);
static_assert(std::is_trivially_copyable_v<http::Variable> && sizeof(http::Variable) == 16);
static_assert(sizeof(Record) == 8 && sizeof(ReplyHead) == 24 && sizeof(Packet) == 16);
static_assert((kBodyRing & (kBodyRing - 1)) == 0 && (kReplyRing & (kReplyRing - 1)) == 0);
static_assert((kOrders & (kOrders - 1)) == 0 && kMostSlots % 64 == 0);

constexpr std::size_t kOrdersAt = sizeof(Header) + sizeof(FrontLine) + sizeof(WorkerLine);
constexpr std::size_t kWokenAt = kOrdersAt + kOrders * sizeof(std::uint64_t);
constexpr std::size_t kSlotsAt = std::size_t{5} * kPage;
static_assert(kWokenAt + kWokenWords * sizeof(std::uint64_t) <= kSlotsAt);

constexpr std::size_t padded(std::size_t size, std::size_t align) {
    return (size + align - 1) / align * align;
}

}  // namespace mew::mailbox
