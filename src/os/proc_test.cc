#include "os/proc.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/process.h"
#include "os/signals.h"

namespace mew::os {
namespace {

using testing::HasSubstr;

TEST(Proc, OwnStatIsTrue) {
    const auto stat = read_stat(::getpid());
    ASSERT_TRUE(stat) << stat.error().text;
    EXPECT_EQ(stat->ppid, ::getppid());
    EXPECT_EQ(stat->group, ::getpgrp());
    EXPECT_EQ(stat->state, 'R');
    EXPECT_GT(stat->start_ticks, 0U);
    EXPECT_LT(stat->arg_start, stat->arg_end);
    const auto again = read_stat(::getpid());
    EXPECT_EQ(stat->start_ticks, again->start_ticks);
}

TEST(Proc, NamesMayLookLikeFields) {
    const auto stat =
        parse_stat("12 (a) R 99 (x) S 7 8 9 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 4242 1 1\n");
    ASSERT_TRUE(stat) << stat.error().text;
    EXPECT_EQ(stat->name, "a) R 99 (x");
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->ppid, 7);
    EXPECT_EQ(stat->group, 8);
    EXPECT_EQ(stat->start_ticks, 4242U);
    EXPECT_EQ(stat->arg_start, 0U) << "absent in old kernels";
}

TEST(Proc, NonsenseIsRefused) {
    for (const char* text : {"", "1", "1 (", "1 (x", "1 (x)", "1 )x( S 1", "1 (x) ", "1 (x) S",
                             "1 (x) S a b", "1 (x) S 1 2 3"})
        EXPECT_FALSE(parse_stat(text)) << text;
    EXPECT_FALSE(read_stat(0));
    EXPECT_FALSE(read_stat(-1));
}

TEST(Proc, CommandLineIsPrintableAndBounded) {
    EXPECT_THAT(command_line(::getpid()), HasSubstr("os_test"));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd input(ends[0]);
    Fd keeps_it_waiting(ends[1]);
    SpawnPlan plan{.argv = {"/bin/sh", "-c", "read x", "\x1b[2J\nname", std::string(500, 'y')}};
    plan.descriptors = {{input.get(), 0}};
    const auto child = spawn(plan);
    ASSERT_TRUE(child);
    const std::string line = command_line(*child);
    EXPECT_THAT(line, testing::StartsWith("/bin/sh -c read x \\x1b[2J\\x0aname yyy"));
    EXPECT_EQ(line.size(), 200U);
    keeps_it_waiting.reset();
    EXPECT_EQ(::waitpid(*child, nullptr, 0), *child);
    EXPECT_EQ(command_line(-5), "");
}

TEST(Proc, NamespaceIsThatOfThisProcess) {
    const auto inode = namespace_inode(::getpid(), "pid");
    ASSERT_TRUE(inode) << inode.error().text;
    struct stat about {};
    ASSERT_EQ(::stat("/proc/self/ns/pid", &about), 0);
    EXPECT_EQ(*inode, about.st_ino);
    EXPECT_FALSE(namespace_inode(::getpid(), "no-such"));
}

TEST(Proc, SmallFilesOnly) {
    EXPECT_FALSE(read_small_file("/dev/zero", 10000));
    const auto missing = read_small_file("/no/such/file");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ENOENT);
    EXPECT_FALSE(read_small_file("/"));
}

}  // namespace
}  // namespace mew::os
