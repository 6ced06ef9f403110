#include "os/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace mew::os {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

namespace {

void wait(int operation, std::atomic<std::uint32_t>& word, std::uint32_t expected,
          base::Milliseconds limit) {
    timespec time{limit.count() / 1000, (limit.count() % 1000) * 1'000'000};
    (void)::syscall(SYS_futex, &word, operation, expected, limit.count() > 0 ? &time : nullptr,
                    nullptr, 0);
}

}  // namespace

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                base::Milliseconds limit) {
    wait(FUTEX_WAIT_PRIVATE, word, expected, limit);
}

void futex_wake(std::atomic<std::uint32_t>& word, int count) {
    (void)::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

void shared_futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                       base::Milliseconds limit) {
    wait(FUTEX_WAIT, word, expected, limit);
}

void shared_futex_wake(std::atomic<std::uint32_t>& word, int count) {
    (void)::syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
}

}  // namespace mew::os
