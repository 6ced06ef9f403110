#include "os/forked.h"

#include <pthread.h>

#include <atomic>

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

}  // namespace mew::os
