#include "os/process_title.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include <gtest/gtest.h>

#include "os/proc.h"
#include "os/process.h"

namespace mew::os {
namespace {

// Each runs in a child: a title cannot be taken back.
int status_of(const std::function<int()>& body) {
    SpawnPlan plan;
    plan.body = body;
    const auto child = spawn(plan);
    if (!child) return -1;
    int status = -1;
    ::waitpid(*child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

std::string raw_command_line() {
    const auto text = read_small_file("/proc/self/cmdline");
    return text ? *text : "";
}

TEST(ProcessTitle, IsWhatTheKernelShows) {
    if (title_capacity() == 0) GTEST_SKIP() << "no titles on this kernel";
    EXPECT_EQ(0, status_of([] {
                  if (has_process_title() || !set_process_title("mewsgi w 1")) return 1;
                  if (!has_process_title()) return 6;
                  if (raw_command_line() != std::string("mewsgi w 1\0", 11)) return 2;
                  if (read_stat(::getpid())->name != "mewsgi w 1") return 3;
                  if (!set_process_title("short")) return 4;
                  return raw_command_line() == std::string("short\0", 6) ? 0 : 5;
              }));
}

TEST(ProcessTitle, LongOneSpillsAndKeepsTheEnvironment) {
    if (title_capacity() == 0) GTEST_SKIP() << "no titles on this kernel";
    EXPECT_EQ(0, status_of([] {
                  const char* const old_path = std::getenv("PATH");
                  const std::string path = old_path == nullptr ? "" : old_path;
                  const std::string title(100000, 'x');
                  const std::size_t capacity = title_capacity();
                  if (!set_process_title(title)) return 1;
                  const std::string shown = raw_command_line();
                  // The kernel shows at most a page.
                  if (shown.find_first_not_of(std::string("x\0", 2)) != std::string::npos) return 2;
                  if (shown.size() < std::min<std::size_t>(capacity, 4000)) return 3;
                  const char* const new_path = std::getenv("PATH");
                  if (path != (new_path == nullptr ? "" : new_path)) return 4;
                  if (std::strstr(program_invocation_name, "os_test") == nullptr) return 5;
                  if (std::strcmp(program_invocation_short_name, "os_test") != 0) return 6;
                  ::setenv("AFTER", "1", 1);
                  if (!set_process_title("back")) return 7;
                  if (raw_command_line() != std::string("back\0", 5)) return 8;
                  return std::strcmp(std::getenv("AFTER"), "1") == 0 ? 0 : 9;
              }));
}

TEST(ProcessTitle, FittingOneLeavesTheEnvironmentInPlace) {
    if (title_capacity() == 0) GTEST_SKIP() << "no titles on this kernel";
    EXPECT_EQ(0, status_of([] {
                  const char* const before = std::getenv("PATH");
                  if (!set_process_title("m")) return 1;
                  return std::getenv("PATH") == before ? 0 : 2;
              }));
}

}  // namespace
}  // namespace mew::os
