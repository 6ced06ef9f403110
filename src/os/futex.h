#pragma once
// Waiting for an atomic word to change (futex(2)): inside one process, or in memory that processes
// share.

#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace mew::os {

// Returns when `word` is no longer `expected`, was woken, or `limit` is over (zero: none); also
// without a reason, so callers look again.
void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                base::Milliseconds limit = base::Milliseconds{0});
// Wakes up to `count` waiters.
void futex_wake(std::atomic<std::uint32_t>& word, int count = INT32_MAX);

// The same for a word in shared memory, whoever maps it.
void shared_futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       base::Milliseconds limit = base::Milliseconds{0});
void shared_futex_wake(std::atomic<std::uint32_t>& word, int count = INT32_MAX);

}  // namespace mew::os
