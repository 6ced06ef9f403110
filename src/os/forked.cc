#include "os/forked.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <ctime>

namespace mew::os {
namespace {
std::atomic<bool> g_forked{false};
}

void watch_forks() {
    g_forked.store(false);
    static const int registered =
        ::pthread_atfork(nullptr, nullptr, [] { g_forked.store(true, std::memory_order_relaxed); });
    (void)registered;
}

bool is_forked_child() { return g_forked.load(std::memory_order_relaxed); }

void wait_until_unlisted(pid_t tid) {
    constexpr int kLooks = 1000;
    constexpr long kStep = 20'000;  // ns; 20 ms in all
    for (int look = 0; look < kLooks; ++look) {
        if (::syscall(SYS_tgkill, ::getpid(), tid, 0) != 0) return;
        const timespec pause{0, kStep};
        ::nanosleep(&pause, nullptr);
    }
}

}  // namespace mew::os
