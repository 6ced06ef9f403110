// Files of a front under what confines it: in children, for it is never taken off.

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "front/file_reader.h"
#include "front/spill.h"
#include "os/landlock.h"
#include "os/seccomp.h"
#include "os/signals.h"

namespace mew::front {
namespace {

using namespace std::chrono_literals;

enum : int { good = 0, no_filter = 10, not_allowed, not_kept, not_loaded, not_shared, writable };

ssize_t is_cold(int, std::span<char>, off_t) {
    errno = EAGAIN;
    return -1;
}

// What a front does: the exit status says how far it came.
int spill_and_share(bool confined) {
    base::SteadyClock clock;
    net::EventLoop loop(clock);
    std::atomic<std::uint64_t> denied{0};
    auto folder = SpillFolder::open("/tmp");
    if (!folder || !loop.open()) return not_kept;
    confined = confined && os::confine_files(folder->fd()).has_value();
    // Its threads start under the filter, as later ones would.
    FileReader reader(loop, {}, {is_cold, FileReader::kSystemCalls.read});
    if (!os::install_front_filter(denied, confined ? os::Opens::for_reading : os::Opens::nameless))
        return no_filter;

    SpillTotals totals;
    Spill body(*folder, totals, {4, 100});
    if (const auto kept = body.append("0123456789"); !kept || !*kept) return not_kept;
    const auto shared = body.share();
    char bytes[10];
    if (!shared || ::pread(shared->fd.get(), bytes, sizeof bytes, 0) != 10) return not_shared;
    // Without Landlock, opening again is what the filter denies.
    const bool must_be_read_only = confined || !folder->on_disk();
    if (shared->read_only != must_be_read_only) return writable;
    if (denied != (must_be_read_only ? 0 : 1)) return not_allowed;

    std::optional<bool> loaded;
    if (!body.load(reader, [&](const base::Result<void>& result) { loaded = result.has_value(); }))
        return not_loaded;
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!loaded && std::chrono::steady_clock::now() < deadline) loop.run_once(100ms);
    return loaded == true && body.front() == "0123456789" ? good : not_loaded;
}

class ConfinedTest : public ::testing::TestWithParam<bool> {};

TEST_P(ConfinedTest, BodiesAreSpilledLoadedAndShared) {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "the thread sanitizer starts no threads in a forked child";
#endif
    const pid_t child = ::fork();
    if (child == 0) ::_exit(spill_and_share(GetParam()));
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(os::describe_end(status), "exited with status 0");
}

INSTANTIATE_TEST_SUITE_P(WithLandlockAndWithout, ConfinedTest, testing::Bool());

}  // namespace
}  // namespace mew::front
