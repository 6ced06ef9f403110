#pragma once
// The board: counters in shared memory (a sealed memfd that the master owns), one block for each
// worker slot. One writer per field (the process named in the comment); readers take a relaxed
// load and may see a mix of two moments, never a torn number.
//
//   +---------------+------------+------------+------------+-----+
//   | Header (64 B) | slot 1, a  | slot 1, b  | slot 2, a  | ... |   each block 512 B, aligned
//   +---------------+------------+------------+------------+-----+
//
// Blocks are reused by later incarnations of a slot, and counters go on. A substitute starts while
// the worker that it replaces still drains; so each slot has two blocks, its lanes, and
// incarnations take them in turn. What a slot did is the sum of both; what it does is in the lane
// of the newest.

#include <atomic>
#include <cstdint>

#include "base/result.h"
#include "os/shared_mapping.h"

namespace mew::stats {

inline constexpr std::uint32_t kBoardVersion = 3;
inline constexpr std::uint32_t kLanes = 2;
inline constexpr std::uint32_t kBoardMagic = 0x4d455742;  // "MEWB"

using Counter = std::atomic<std::uint64_t>;
static_assert(Counter::is_always_lock_free);

enum class WorkerState : std::uint64_t { absent, starting, ready, idle, busy, retiring };

struct alignas(64) Header {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint32_t slots;
    std::uint32_t slot_size;
    Counter started_unix;     // master
    Counter reloads;          // master: committed generations after the first
    Counter reload_failures;  // master: reloads that were rolled back
    Counter log_dropped;      // master
};

struct alignas(64) Slot {
    // written by the master
    Counter pid;
    Counter generation;
    Counter incarnation;  // how often this slot was filled
    Counter last_spawn_unix;
    Counter deaths;  // ends that were not ordered
    // written by the worker
    alignas(64) std::atomic<WorkerState> state;
    Counter requests;
    Counter exceptions;   // the app raised
    Counter accepted;     // connections
    Counter connections;  // open now
    Counter tx_bytes;
    Counter rx_bytes;
    Counter running_us;          // time in the app
    Counter average_us;          // EWMA (old + new) / 2, as uWSGI's avg_rt
    Counter refused;             // requests refused by the codec (4xx, 5xx of ours)
    Counter aborted;             // clients that left
    Counter timeouts;            // limits of time that fired
    Counter request_started_us;  // monotonic µs of the longest running request, 0 when idle
    // Which limit fired; `timeouts` is the sum of those of time.
    Counter head_timeouts;       // http-header-timeout
    Counter body_timeouts;       // http-body-timeout, http-body-total-timeout
    Counter send_timeouts;       // http-send-timeout
    Counter keepalive_timeouts;  // http-keepalive; no fault, so no part of `timeouts`
    Counter slow_clients;        // http-min-rate
    Counter dropped_fields;      // headers whose names may not become CGI variables
    Counter too_large;           // 413, 414, 431: buffer-size, http-max-headers, limit-post
    // How connections moved.
    Counter handed_on;      // to another worker
    Counter taken;          // from another worker
    Counter rescues;        // the rescue thread took the loop over
    Counter accepted_late;  // after the commit of the next generation; handed on at once
    // Signs of life, monotonic µs, written only while a call lasts: see worker/pulse.h.
    Counter native_beat_us;  // whoever runs the loop was here
    Counter python_beat_us;  // the GIL was to be had
    Counter gil_wait_us;     // since when it is waited for; 0: it is not
    Counter gil_took_us;     // how long the last one that was got took
    Counter reserved[25];
};
static_assert(sizeof(Header) == 64);
static_assert(sizeof(Slot) == 512);

constexpr std::uint32_t lane_of(std::uint64_t incarnation) {
    return static_cast<std::uint32_t>(incarnation % kLanes);
}

class Board {
public:
    static base::Result<Board> create(std::uint32_t slots);
    // Maps a board that another process of this build made; refuses another layout.
    static base::Result<Board> attach(int fd);

    Header& header() { return *first(); }
    // `id` is 1 to slots, as worker ids are.
    Slot& slot(std::uint32_t id, std::uint32_t lane);
    // The lane of the newest incarnation.
    Slot& newest(std::uint32_t id);
    // Both lanes together.
    std::uint64_t total(std::uint32_t id, Counter Slot::*counter);
    std::uint32_t slots() const { return memory_ ? first()->slots : 0; }
    int fd() const { return memory_.fd(); }

private:
    Header* first() const { return static_cast<Header*>(memory_.data()); }

    os::SharedMapping memory_;
};

inline void add(Counter& counter, std::uint64_t n = 1) {
    // One writer per field: no locked instruction needed.
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace mew::stats
