#pragma once
// The fronts' board: as stats/board, but one block for each front number. The master makes it,
// fronts are given it by descriptor, and no worker sees it. One writer per field (the process named
// in the comment); readers take a relaxed load.
//
//   +----------------+-----------+-----------+-----+
//   | FrontHeader 64 | front 1   | front 2   | ... |   each block 512 B, aligned to 64
//   +----------------+-----------+-----------+-----+
//
// A block is used by one process at a time: the next incarnation of a front starts when the one
// before is dead, goes on from its counters, and finds what counts the present (gauges) at zero.
// Fronts with other options get another board.

#include <cstdint>
#include <span>

#include "base/result.h"
#include "os/shared_mapping.h"
#include "stats/board.h"

namespace mew::stats {

inline constexpr std::uint32_t kFrontBoardVersion = 1;
inline constexpr std::uint32_t kFrontBoardMagic = 0x4d455746;  // "MEWF"

struct alignas(64) FrontHeader {
    std::uint32_t magic;
    std::uint32_t version;
    std::uint32_t fronts;
    std::uint32_t slot_size;
};

struct alignas(64) FrontSlot {
    // written by the master
    Counter pid;
    Counter incarnation;  // how often this number was filled
    Counter last_spawn_unix;
    Counter deaths;  // ends that were not ordered
    // written by the front
    alignas(64) Counter accepted;  // connections
    Counter connections;           // open now
    Counter requests;              // whose head was read and good
    Counter refused;               // requests refused by the codec (4xx, 5xx of ours)
    Counter aborted;               // clients that left
    Counter timeouts;              // limits of time that fired
    Counter head_timeouts;         // http-header-timeout
    Counter body_timeouts;         // http-body-timeout, http-body-total-timeout
    Counter send_timeouts;         // http-send-timeout
    Counter keepalive_timeouts;    // http-keepalive; no fault, so no part of `timeouts`
    Counter slow_clients;          // http-min-rate
    Counter dropped_fields;        // headers whose names may not become CGI variables
    Counter too_large;             // 413, 414, 431: buffer-size, http-max-headers, limit-post
    Counter rx_bytes;              // from and to clients
    Counter tx_bytes;
    Counter queued;             // requests that wait for a worker now
    Counter queue_wait_us;      // how long those that got one had waited, together
    Counter queue_waited;       // how many they were
    Counter queue_wait_max_us;  // the longest such wait
    Counter queue_full;         // 503: http-queue
    Counter queue_timeouts;     // 503: http-queue-timeout
    Counter retries;            // requests run again after a worker's death
    Counter revocations;        // requests taken back from a busy worker for an idle one
    Counter cancelled;          // whose client left before the answer was complete
    Counter lost;               // 502 after a worker's death
    Counter spills;             // bodies and answers that went into a file
    Counter spill_bytes;
    Counter channels;         // attached now
    Counter outstanding;      // posted and not answered now
    Counter broken_channels;  // workers that broke the mailbox's rules
    Counter syscalls_denied;  // calls that the seccomp filter answered ENOSYS
    Counter tls_handshakes;   // that succeeded
    Counter tls_resumed;      // of these, by a ticket
    Counter tls_failures;     // and that did not
    Counter http2_connections;
    Counter http2_faults;  // ended since the client broke the protocol's rules, or a bound
    Counter reserved[20];
};
static_assert(sizeof(FrontHeader) == 64);
static_assert(sizeof(FrontSlot) == 512);

// What a front counts, by its name in statistics. A gauge is a number of now, or a maximum: two
// processes' are not added up.
struct FrontCounter {
    const char* name;
    Counter FrontSlot::*counter;
    bool gauge = false;
};
std::span<const FrontCounter> front_counters();

class FrontBoard {
public:
    static base::Result<FrontBoard> create(std::uint32_t fronts);
    // Maps a board that another process made; refuses another layout.
    static base::Result<FrontBoard> attach(int fd);

    // `number` is 1 to fronts().
    FrontSlot& slot(std::uint32_t number);
    // To be called when nobody writes the block: its front is dead.
    void clear_present(std::uint32_t number);
    std::uint32_t fronts() const { return memory_ ? first()->fronts : 0; }
    int fd() const { return memory_.fd(); }

private:
    FrontHeader* first() const { return static_cast<FrontHeader*>(memory_.data()); }

    os::SharedMapping memory_;
};

}  // namespace mew::stats
