#include "python/fork_twice.h"

#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include <gtest/gtest.h>

namespace mew::python {
namespace {

// Exit status of the grandchild as its new parent, this subreaper, sees it.
int wait_for(pid_t pid) {
    int status = 0;
    EXPECT_EQ(pid, ::waitpid(pid, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class ForkTwice : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_EQ(0, ::prctl(PR_SET_CHILD_SUBREAPER, 1)); }
    void TearDown() override {
        ::prctl(PR_SET_CHILD_SUBREAPER, 0);
        EXPECT_EQ(-1, ::waitpid(-1, nullptr, WNOHANG)) << "a process was left behind";
    }
};

TEST_F(ForkTwice, GrandchildIsAChildOfTheSubreaper) {
    const pid_t self = ::getpid();
    base::Result<Forked> forked = fork_twice();
    ASSERT_TRUE(forked);
    if (forked->is_grandchild()) {
        const bool adopted = wait_for_parent(*forked, self).has_value();
        ::_exit(adopted && ::getppid() == self ? 37 : 1);
    }
    EXPECT_GT(forked->pid, 0);
    EXPECT_FALSE(forked->orphaned.valid());
    EXPECT_EQ(37, wait_for(forked->pid));
}

TEST_F(ForkTwice, AnotherParentThanTheExpectedIsRefused) {
    base::Result<Forked> forked = fork_twice();
    ASSERT_TRUE(forked);
    if (forked->is_grandchild()) ::_exit(wait_for_parent(*forked, 1 << 30).has_value() ? 1 : 38);
    EXPECT_EQ(38, wait_for(forked->pid));
}

TEST_F(ForkTwice, LeavesNoDescriptorInTheCaller) {
    const int before = ::dup(0);
    ::close(before);
    for (int i = 0; i < 3; ++i) {
        base::Result<Forked> forked = fork_twice();
        ASSERT_TRUE(forked);
        if (forked->is_grandchild()) ::_exit(0);
        wait_for(forked->pid);
    }
    const int after = ::dup(0);
    ::close(after);
    EXPECT_EQ(before, after);
}

TEST_F(ForkTwice, FullDescriptorTableIsAnError) {
    rlimit limit{};
    ASSERT_EQ(0, ::getrlimit(RLIMIT_NOFILE, &limit));
    const int next = ::dup(0);
    ::close(next);
    const rlimit tight{static_cast<rlim_t>(next) + 2, limit.rlim_max};
    ASSERT_EQ(0, ::setrlimit(RLIMIT_NOFILE, &tight));
    base::Result<Forked> forked = fork_twice();
    if (forked && forked->is_grandchild()) ::_exit(0);
    ::setrlimit(RLIMIT_NOFILE, &limit);
    ASSERT_FALSE(forked);
    EXPECT_EQ(EMFILE, forked.error().code);
}

}  // namespace
}  // namespace mew::python
