// Whose end was what: wait statuses as the kernel makes them, and a cgroup that the test writes.
#include "master/deaths.h"

#include <sys/wait.h>

#include <csignal>

#include <gtest/gtest.h>

#include "master/test_server.h"

namespace mew::master {
namespace {

constexpr int killed_by(int signal) { return signal; }
constexpr int exited_with(int status) { return status << 8; }
constexpr int kCoreDumped = 0x80;

class DeathsTest : public ::testing::Test {
protected:
    DeathsTest() {
        root.write("proc/self/cgroup", "0::/app\n");
        root.write("sys/fs/cgroup/app/memory.max", "536870912\n");
        kills(7);
    }
    void kills(int count) {
        root.write("sys/fs/cgroup/app/memory.events",
                   "oom 9\noom_kill " + std::to_string(count) + "\n");
    }
    static Deaths::End worker(int wait_status) {
        Deaths::End end;
        end.wait_status = wait_status;
        return end;
    }

    Folder root;
    base::MonotonicTime now{std::chrono::hours(1)};
};

TEST_F(DeathsTest, EachIsCountedByRoleAndCause) {
    Deaths deaths(root.path());
    EXPECT_EQ(deaths.take(worker(exited_with(3)), now).how, "exited with status 3");
    EXPECT_EQ(deaths.take(worker(killed_by(SIGSEGV) | kCoreDumped), now).how,
              "was killed by SIGSEGV (core dumped)");
    Deaths::End zygote = worker(killed_by(SIGSEGV));
    zygote.role = Deaths::Role::zygote;
    deaths.take(zygote, now);
    EXPECT_EQ(deaths.of(Deaths::Role::worker), 2U);
    EXPECT_EQ(deaths.of(Deaths::Role::zygote), 1U);
    EXPECT_EQ(deaths.of(Deaths::Role::singleton), 0U);
    EXPECT_EQ(deaths.by_cause(),
              (std::map<std::string, std::uint64_t>{{"SIGSEGV", 2}, {"status 3", 1}}));
}

TEST_F(DeathsTest, WhoWasToldToEndDiedNoDeath) {
    Deaths deaths(root.path());
    Deaths::End end = worker(exited_with(0));
    end.expected = true;
    deaths.take(end, now);
    EXPECT_TRUE(deaths.by_cause().empty());
    end.wait_status = killed_by(SIGKILL);
    end.by_us = true;
    deaths.take(end, now);
    EXPECT_EQ(deaths.by_cause().at("killed by the master"), 1U);
}

TEST_F(DeathsTest, TheOomKillerIsKnownByItsCounter) {
    Deaths deaths(root.path());
    EXPECT_FALSE(deaths.take(worker(killed_by(SIGKILL)), now).oom) << "somebody's kill -9";
    kills(8);
    const auto verdict = deaths.take(worker(killed_by(SIGKILL)), now);
    EXPECT_TRUE(verdict.oom);
    EXPECT_EQ(verdict.how, "was killed by the OOM killer (cgroup limit 512 MiB)");
    EXPECT_FALSE(deaths.take(worker(killed_by(SIGKILL)), now).oom) << "one kill, one death";
    EXPECT_EQ(deaths.oom_kills(), 1U);
    EXPECT_EQ(deaths.by_cause().at("OOM killer"), 1U);
    EXPECT_EQ(deaths.by_cause().at("SIGKILL"), 2U);
}

TEST_F(DeathsTest, SeveralOfOneMomentAreAllRecognised) {
    Deaths deaths(root.path());
    kills(10);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(deaths.take(worker(killed_by(SIGKILL)), now).oom) << i;
    EXPECT_FALSE(deaths.take(worker(killed_by(SIGKILL)), now).oom);
}

TEST_F(DeathsTest, AKillOfSomethingElseIsForgotten) {
    Deaths deaths(root.path());
    kills(9);  // a worker, and a program that it had started
    EXPECT_TRUE(deaths.take(worker(killed_by(SIGKILL)), now).oom);
    EXPECT_FALSE(deaths.take(worker(killed_by(SIGKILL)), now + std::chrono::seconds(11)).oom);
}

TEST_F(DeathsTest, OurOwnKillsAndOtherSignalsAreNotTheOomKillers) {
    Deaths deaths(root.path());
    kills(9);
    Deaths::End ours = worker(killed_by(SIGKILL));
    ours.by_us = true;
    EXPECT_FALSE(deaths.take(ours, now).oom);
    EXPECT_FALSE(deaths.take(worker(killed_by(SIGABRT)), now).oom);
    EXPECT_FALSE(deaths.take(worker(exited_with(137)), now).oom);
    EXPECT_EQ(deaths.oom_kills(), 0U);
}

TEST_F(DeathsTest, WithoutALimitOrACgroupItStillHasWords) {
    const Folder bare;
    bare.write("proc/vmstat", "oom_kill 1\n");
    Deaths deaths(bare.path());
    bare.write("proc/vmstat", "oom_kill 2\n");
    EXPECT_EQ(deaths.take(worker(killed_by(SIGKILL)), now).how,
              "was killed by the OOM killer (no memory left)");
}

TEST_F(DeathsTest, WhoDiedUnknownIsSaidSo) {
    Deaths deaths(root.path());
    Deaths::End end;
    end.known_status = false;
    EXPECT_EQ(deaths.take(end, now).how, "died before its zygote told its pid");
    EXPECT_EQ(deaths.by_cause().at("unknown"), 1U);
}

TEST(PeakText, IsInMebibytes) {
    EXPECT_EQ(peak_text(0), "");
    EXPECT_EQ(peak_text(1536), ", peak memory 1.5 MiB");
}

}  // namespace
}  // namespace mew::master
