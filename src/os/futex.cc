#include "os/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

namespace mew::os {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));

void futex_wait(std::atomic<std::uint32_t>& word, std::uint32_t expected,
                base::Milliseconds limit) {
    timespec time{limit.count() / 1000, (limit.count() % 1000) * 1'000'000};
    (void)::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, expected,
                    limit.count() > 0 ? &time : nullptr, nullptr, 0);
}

void futex_wake(std::atomic<std::uint32_t>& word, int count) {
    (void)::syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

}  // namespace mew::os
