#include "os/cgroup.h"

#include <filesystem>
#include <fstream>
#include <thread>

#include <gtest/gtest.h>

namespace mew::os {
namespace {

namespace fs = std::filesystem;

// A tree in place of /, as the kernel would show it.
class CgroupTest : public testing::Test {
protected:
    void SetUp() override {
        char path[] = "/tmp/mewsgi-cgroup-test-XXXXXX";
        ASSERT_NE(::mkdtemp(path), nullptr);
        root_ = path;
    }
    void TearDown() override { fs::remove_all(root_); }
    void put(const std::string& path, const std::string& content) {
        const fs::path full = root_ + path;
        fs::create_directories(full.parent_path());
        std::ofstream(full) << content;
    }
    Limits limits(int affinity = 8) { return read_limits_below(root_, affinity); }

    std::string root_;
};

TEST_F(CgroupTest, WithoutCgroupsAffinityDecides) {
    EXPECT_EQ(limits(8).cpus, 8);
    EXPECT_EQ(limits(8).reason, "CPU affinity");
    EXPECT_FALSE(limits().quota_cpus);
    EXPECT_FALSE(limits().memory_bytes);
    EXPECT_EQ(limits(0).cpus, 1);
}

TEST_F(CgroupTest, QuotaOfVersion2IsRoundedUp) {
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/cpu.max", "150000 100000\n");
    put("/sys/fs/cgroup/memory.max", "536870912\n");
    EXPECT_EQ(limits().cpus, 2);
    EXPECT_EQ(limits().reason, "cgroup quota of 1.5 CPUs");
    EXPECT_EQ(limits().memory_bytes, 536870912U);
    EXPECT_EQ(limits(1).cpus, 1) << "affinity is tighter";
    EXPECT_EQ(limits(1).reason, "CPU affinity");
    put("/sys/fs/cgroup/cpu.max", "10000 100000\n");
    EXPECT_EQ(limits().cpus, 1) << "a tenth of a CPU is still one process";
    put("/sys/fs/cgroup/cpu.max", "200000 100000\n");
    EXPECT_EQ(limits().cpus, 2);
}

TEST_F(CgroupTest, UnlimitedIsNoLimit) {
    put("/proc/self/cgroup", "0::/user.slice/a.scope\n");
    put("/sys/fs/cgroup/user.slice/a.scope/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/user.slice/a.scope/memory.max", "max\n");
    EXPECT_EQ(limits().cpus, 8);
    EXPECT_FALSE(limits().memory_bytes);
}

TEST_F(CgroupTest, TightestGroupOnTheWayUpCounts) {
    put("/proc/self/cgroup", "0::/pods/pod1/app\n");
    put("/sys/fs/cgroup/pods/cpu.max", "400000 100000\n");
    put("/sys/fs/cgroup/pods/pod1/cpu.max", "300000 100000\n");
    put("/sys/fs/cgroup/pods/pod1/app/cpu.max", "max 100000\n");
    put("/sys/fs/cgroup/pods/memory.max", "1000\n");
    put("/sys/fs/cgroup/pods/pod1/app/memory.max", "2000\n");
    EXPECT_EQ(limits().cpus, 3);
    EXPECT_EQ(limits().memory_bytes, 1000U);
}

TEST_F(CgroupTest, Version1InAContainerReadsTheMount) {
    put("/proc/self/cgroup",
        "12:cpuset:/docker/1f\n11:cpu,cpuacct:/docker/1f\n5:memory:/docker/1f\n1:name=systemd:/\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "250000\n");
    put("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
    EXPECT_EQ(limits().cpus, 3);
    EXPECT_EQ(limits().memory_bytes, 268435456U);
}

TEST_F(CgroupTest, Version1WithoutLimits) {
    put("/proc/self/cgroup", "11:cpuacct,cpu:/\n5:memory:/\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    put("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    EXPECT_EQ(limits().cpus, 8);
    EXPECT_FALSE(limits().memory_bytes);
    put("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
    EXPECT_EQ(limits().cpus, 1) << "the folder is found under the short name, too";
}

TEST_F(CgroupTest, Version2BesideVersion1) {
    put("/proc/self/cgroup", "5:memory:/\n0::/app\n");
    put("/sys/fs/cgroup/unified/app/cpu.max", "100000 100000\n");
    EXPECT_EQ(limits().cpus, 1);
}

TEST_F(CgroupTest, GroupAboveTheNamespaceFallsBackToTheMount) {
    put("/proc/self/cgroup", "0::/../../other\n");
    put("/sys/fs/cgroup/cpu.max", "100000 100000\n");
    EXPECT_EQ(limits().cpus, 1);
}

TEST_F(CgroupTest, NonsenseIsNoLimit) {
    put("/proc/self/cgroup", "0::/\n\n:::\nx\n0:\n9:cpu:relative\n");
    for (const char* text : {"", "max", "0 100000", "100000 0", "-5 10", "a b", "1", "1 2 3",
                             "99999999999999999999 1"}) {
        put("/sys/fs/cgroup/cpu.max", text);
        EXPECT_EQ(limits().cpus, 8) << text;
    }
    put("/sys/fs/cgroup/cpu.max", "9223372036854775807 1");
    EXPECT_EQ(limits().cpus, 8);
}

TEST_F(CgroupTest, OomKillsOfVersion2AreCountedFromNowOn) {
    put("/proc/self/cgroup", "0::/pods/app\n");
    put("/sys/fs/cgroup/pods/memory.events", "oom_kill 99\n");
    put("/sys/fs/cgroup/pods/app/memory.max", "536870912\n");
    const std::string head = "low 0\nhigh 3\nmax 7\noom 5\n";
    put("/sys/fs/cgroup/pods/app/memory.events", head + "oom_kill 2\noom_group_kill 0\n");
    OomWatch watch(root_);
    EXPECT_EQ(watch.memory_limit(), 536870912U);
    EXPECT_EQ(watch.look(), 0U);
    put("/sys/fs/cgroup/pods/app/memory.events", head + "oom_kill 4\noom_group_kill 9\n");
    EXPECT_EQ(watch.look(), 2U);
    EXPECT_EQ(watch.look(), 0U);
    put("/sys/fs/cgroup/pods/app/memory.events", head + "oom_kill 1\n");
    EXPECT_EQ(watch.look(), 0U) << "another group's file by now";
}

TEST_F(CgroupTest, OomKillsOfVersion1InAContainer) {
    put("/proc/self/cgroup", "9:cpu:/\n5:memory:/docker/1f\n0::/\n");
    put("/sys/fs/cgroup/memory/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n");
    OomWatch watch(root_);
    put("/sys/fs/cgroup/memory/memory.oom_control",
        "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
    EXPECT_EQ(watch.look(), 1U);
    EXPECT_FALSE(watch.memory_limit());
}

TEST_F(CgroupTest, OomKillsOfTheMachineWithoutACgroup) {
    put("/proc/vmstat", "nr_free_pages 1\noom_kill 3\n");
    OomWatch watch(root_);
    put("/proc/vmstat", "nr_free_pages 1\noom_kill 4\n");
    EXPECT_EQ(watch.look(), 1U);
}

TEST_F(CgroupTest, NoCounterOrNonsenseCountsNothing) {
    OomWatch none(root_);
    EXPECT_EQ(none.look(), 0U);
    put("/proc/vmstat", "oom_kill\noom_kill x\noom_killer 5\noom_kill -3\n");
    EXPECT_EQ(none.look(), 0U);
}

TEST(Cgroup, ThisMachineHasAtLeastOne) {
    const Limits limits = read_limits();
    EXPECT_GE(limits.cpus, 1);
    EXPECT_LE(limits.cpus, limits.affinity_cpus);
    EXPECT_EQ(static_cast<unsigned>(limits.affinity_cpus), std::thread::hardware_concurrency());
    EXPECT_EQ(usable_cpus(), limits.cpus);
}

TEST_F(CgroupTest, MemoryThatIsLeftCountsWhatTheKernelWouldGiveBack) {
    put("/proc/self/cgroup", "0::/pods/app\n");
    put("/sys/fs/cgroup/pods/app/memory.max", "1000000\n");
    put("/sys/fs/cgroup/pods/app/memory.current", "900000\n");
    EXPECT_EQ(read_memory_room_below(root_)->left, 100000U);
    put("/sys/fs/cgroup/pods/app/memory.stat", "anon 500000\ninactive_file 300000\nfile 1\n");
    EXPECT_EQ(read_memory_room_below(root_)->left, 400000U);
    EXPECT_EQ(read_memory_room_below(root_)->limit, 1000000U);
    // The pod as a whole is tighter.
    put("/sys/fs/cgroup/pods/memory.max", "1200000\n");
    put("/sys/fs/cgroup/pods/memory.current", "1199000\n");
    EXPECT_EQ(read_memory_room_below(root_)->left, 1000U);
    EXPECT_EQ(read_memory_room_below(root_)->limit, 1200000U);
}

TEST_F(CgroupTest, MemoryWithoutALimitHasNoRoomToTell) {
    EXPECT_FALSE(read_memory_room_below(root_));
    put("/proc/self/cgroup", "0::/\n");
    put("/sys/fs/cgroup/memory.max", "max\n");
    put("/sys/fs/cgroup/memory.current", "900000\n");
    EXPECT_FALSE(read_memory_room_below(root_));
}

TEST_F(CgroupTest, MemoryOfVersion1) {
    put("/proc/self/cgroup", "4:memory:/docker/1\n");
    put("/sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes", "1000000\n");
    put("/sys/fs/cgroup/memory/docker/1/memory.usage_in_bytes", "990000\n");
    put("/sys/fs/cgroup/memory/docker/1/memory.stat",
        "inactive_file 5\ntotal_inactive_file 90000\n");
    EXPECT_EQ(read_memory_room_below(root_)->left, 100000U);
}

}  // namespace
}  // namespace mew::os
