#include "os/signals.h"

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gtest/gtest.h>

#include "os/process.h"

namespace mew::os {
namespace {

class SignalsTest : public testing::Test {
protected:
    void SetUp() override { ::pthread_sigmask(SIG_SETMASK, nullptr, &before_); }
    void TearDown() override { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    sigset_t before_;
};

TEST_F(SignalsTest, ArriveAsEventsWithTheirSender) {
    auto fd = open_signals({SIGHUP, SIGUSR2});
    ASSERT_TRUE(fd) << fd.error().text;
    SignalEvent event;
    EXPECT_FALSE(next_signal(fd->get(), event));
    ASSERT_EQ(::kill(::getpid(), SIGHUP), 0);
    ASSERT_EQ(::kill(::getpid(), SIGUSR2), 0);
    ASSERT_TRUE(next_signal(fd->get(), event));
    EXPECT_EQ(event.number, SIGHUP);
    EXPECT_EQ(event.sender, ::getpid());
    EXPECT_EQ(event.sender_uid, ::getuid());
    ASSERT_TRUE(next_signal(fd->get(), event));
    EXPECT_EQ(event.number, SIGUSR2);
    EXPECT_FALSE(next_signal(fd->get(), event));
}

TEST_F(SignalsTest, ResetUndoesIgnoringAndBlocking) {
    SpawnPlan plan;
    plan.body = [] {
        ignore_signals({SIGUSR1});
        auto fd = open_signals({SIGTERM});
        ::raise(SIGUSR1);  // ignored: nothing happens
        ignore_signals({SIGTERM});
        reset_signals();
        ::raise(SIGTERM);
        return 0;
    };
    const auto child = spawn(plan);
    ASSERT_TRUE(child);
    int status = 0;
    ASSERT_EQ(::waitpid(*child, &status, 0), *child);
    EXPECT_EQ(describe_end(status), "was killed by SIGTERM");
}

TEST_F(SignalsTest, NamesAndEnds) {
    EXPECT_EQ(signal_name(SIGSEGV), "SIGSEGV");
    EXPECT_EQ(signal_name(SIGRTMIN + 2), "signal " + std::to_string(SIGRTMIN + 2));
    EXPECT_EQ(describe_end(22 << 8), "exited with status 22");
    EXPECT_EQ(describe_end(SIGKILL), "was killed by SIGKILL");
    EXPECT_EQ(describe_end(SIGSEGV | 0x80), "was killed by SIGSEGV (core dumped)");
}

}  // namespace
}  // namespace mew::os
