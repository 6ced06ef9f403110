#include "os/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/proc.h"
#include "os/signals.h"

namespace mew::os {
namespace {

using testing::HasSubstr;

struct Pipe {
    Fd read;
    Fd write;
};

Pipe make_pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    return {Fd(ends[0]), Fd(ends[1])};
}

// Until the end of file, or ten seconds without a byte.
std::string read_all(int fd) {
    std::string out;
    std::array<char, 4096> part;
    for (;;) {
        pollfd poller{fd, POLLIN, 0};
        if (::poll(&poller, 1, 10000) <= 0) return out + "[deadline]";
        const ssize_t got = ::read(fd, part.data(), part.size());
        if (got <= 0) return out;
        out.append(part.data(), static_cast<std::size_t>(got));
    }
}

int wait_for(pid_t pid) {
    int status = -1;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
}

struct Outcome {
    std::string output;
    int status = -1;
};

Outcome run(SpawnPlan plan) {
    Pipe pipe = make_pipe();
    plan.descriptors.push_back({pipe.write.get(), 1});
    const auto child = spawn(plan);
    EXPECT_TRUE(child) << child.error().text;
    if (!child) return {};
    pipe.write.reset();
    Outcome outcome;
    outcome.output = read_all(pipe.read.get());
    outcome.status = wait_for(*child);
    return outcome;
}

SpawnPlan shell(const std::string& script) { return {.argv = {"sh", "-c", script}}; }

void say(const std::string& text) {
    [[maybe_unused]] const ssize_t sent = ::write(1, text.data(), text.size());
}

TEST(Spawn, RunsAProgramFromPath) {
    const Outcome outcome = run(shell("echo hello; exit 3"));
    EXPECT_EQ(outcome.output, "hello\n");
    EXPECT_EQ(describe_end(outcome.status), "exited with status 3");
}

TEST(Spawn, RunsABody) {
    SpawnPlan plan;
    plan.body = [] {
        say("body");
        return 7;
    };
    const Outcome outcome = run(plan);
    EXPECT_EQ(outcome.output, "body");
    EXPECT_EQ(WEXITSTATUS(outcome.status), 7);
}

TEST(Spawn, MissingProgramIsTheCallersError) {
    const auto child = spawn({.argv = {"/no/such/program"}});
    ASSERT_FALSE(child);
    EXPECT_EQ(child.error().code, ENOENT);
    EXPECT_THAT(child.error().text, HasSubstr("cannot start /no/such/program"));
    EXPECT_LT(::waitpid(-1, nullptr, WNOHANG), 1) << "no zombie stays";
    EXPECT_FALSE(spawn({.argv = {"no-such-program-on-the-path"}}));
    EXPECT_FALSE(spawn({.argv = {"/"}}));
    EXPECT_FALSE(spawn({}));
}

TEST(Spawn, FolderAndItsFailure) {
    SpawnPlan plan = shell("pwd");
    plan.working_directory = "/usr";
    EXPECT_EQ(run(plan).output, "/usr\n");
    plan.working_directory = "/no/such/folder";
    const auto child = spawn(plan);
    ASSERT_FALSE(child);
    EXPECT_THAT(child.error().text, HasSubstr("cannot change to the folder /no/such/folder"));
}

TEST(Spawn, EnvironmentIsExactlyTheGivenOne) {
    SpawnPlan plan{.argv = {"/usr/bin/env"}};
    plan.environment = {"A=1", "B=two words"};
    EXPECT_EQ(run(plan).output, "A=1\nB=two words\n");
    ::setenv("MEW_SPAWN_TEST", "kept", 1);
    plan.environment.reset();
    EXPECT_THAT(run(plan).output, HasSubstr("MEW_SPAWN_TEST=kept\n"));
}

TEST(Spawn, OnlyListedDescriptorsArrive) {
    // Inheritable on purpose: close-on-exec is not what protects a child that runs a body.
    const Fd leak(::open("/dev/null", O_RDWR));
    Pipe given = make_pipe();
    SpawnPlan plan = shell("ls /proc/$$/fd; exit 0");
    plan.descriptors = {{given.read.get(), 9}};
    EXPECT_EQ(run(plan).output, "0\n1\n2\n9\n");

    plan = {};
    plan.body = [&] {
        std::string open;
        for (int fd = 0; fd < 1000; ++fd) {
            if (::fcntl(fd, F_GETFD) >= 0) open += std::to_string(fd) + " ";
        }
        say(open);
        return 0;
    };
    plan.descriptors = {{given.read.get(), 9}};
    EXPECT_EQ(run(plan).output, "0 1 2 9 ");
}

TEST(Spawn, DescriptorsMaySwapNumbers) {
    Pipe first = make_pipe();
    Pipe second = make_pipe();
    const int a = first.write.get();
    const int b = second.write.get();
    SpawnPlan plan;
    plan.body = [a, b] {
        return ::write(a, "to-second", 9) == 9 && ::write(b, "to-first", 8) == 8 ? 0 : 1;
    };
    plan.descriptors = {{a, b}, {b, a}};
    EXPECT_EQ(run(plan).status, 0);
    first.write.reset();
    second.write.reset();
    EXPECT_EQ(read_all(first.read.get()), "to-first");
    EXPECT_EQ(read_all(second.read.get()), "to-second");
}

TEST(Spawn, InputIsNullUnlessGiven) {
    EXPECT_EQ(run(shell("readlink /proc/$$/fd/0")).output, "/dev/null\n");
    Pipe input = make_pipe();
    ASSERT_EQ(::write(input.write.get(), "line\n", 5), 5);
    input.write.reset();
    SpawnPlan plan = shell("cat");
    plan.descriptors = {{input.read.get(), 0}};
    EXPECT_EQ(run(plan).output, "line\n");
}

TEST(Spawn, BadDescriptorsAreErrors) {
    SpawnPlan plan = shell("true");
    plan.descriptors = {{987654, 5}};
    EXPECT_FALSE(spawn(plan));
    plan.descriptors = {{-1, 5}};
    EXPECT_FALSE(spawn(plan));
    plan.descriptors = {{0, 5}, {1, 5}};
    EXPECT_FALSE(spawn(plan));
}

TEST(Spawn, SignalsStartFresh) {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGUSR1, SIG_IGN);
    // What make leaves in its children: the C library's own signals, ignored (see reset_signals).
    std::array<std::uintptr_t, 8> ignored{reinterpret_cast<std::uintptr_t>(SIG_IGN)};
    std::array<std::uintptr_t, 8> as_it_was{};
    ::syscall(SYS_rt_sigaction, 32, ignored.data(), as_it_was.data(), 8);
    sigset_t set;
    sigset_t before;
    sigfillset(&set);
    ::pthread_sigmask(SIG_SETMASK, &set, &before);
    const std::string status = run(shell("grep -E '^Sig(Blk|Ign)' /proc/self/status")).output;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::signal(SIGUSR1, SIG_DFL);
    ::syscall(SYS_rt_sigaction, 32, as_it_was.data(), nullptr, 8);
    EXPECT_EQ(status, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
    sigset_t after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    EXPECT_EQ(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM)) << "ours is as before";
}

TEST(Spawn, OwnProcessGroup) {
    SpawnPlan plan;
    plan.body = [] { return ::getpgrp() == ::getpid() ? 0 : 1; };
    EXPECT_EQ(run(plan).status, 0);
    plan.own_group = false;
    const pid_t ours = ::getpgrp();
    plan.body = [ours] { return ::getpgrp() == ours ? 0 : 1; };
    EXPECT_EQ(run(plan).status, 0);
}

TEST(Spawn, GroupExistsWhenSpawnReturns) {
    const auto child = spawn(shell("read x < /proc/self/fd/2; sleep 100"));
    ASSERT_TRUE(child);
    EXPECT_EQ(::getpgid(*child), *child);
    EXPECT_EQ(::kill(-*child, SIGKILL), 0);
    EXPECT_EQ(describe_end(wait_for(*child)), "was killed by SIGKILL");
}

TEST(Spawn, DiesWithItsParent) {
    // A child spawns a grandchild that holds the write end, then is killed: the end of file shows
    // that the grandchild followed.
    Pipe pipe = make_pipe();
    Pipe ready = make_pipe();
    SpawnPlan middle;
    middle.body = [] {
        SpawnPlan last{.argv = {"sleep", "1000"}};
        last.descriptors = {{8, 8}};
        const auto child = spawn(last);
        if (!child || ::write(9, "x", 1) != 1) return 1;
        ::pause();
        return 0;
    };
    middle.descriptors = {{pipe.write.get(), 8}, {ready.write.get(), 9}};
    const auto child = spawn(middle);
    ASSERT_TRUE(child);
    pipe.write.reset();
    ready.write.reset();
    char byte = 0;
    ASSERT_EQ(::read(ready.read.get(), &byte, 1), 1);
    ::kill(*child, SIGKILL);
    wait_for(*child);
    EXPECT_EQ(read_all(pipe.read.get()), "");
}

TEST(Spawn, DeathSignalSurvivesTheChangeOfUser) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    SpawnPlan plan;
    plan.identity = Identity{65534, 65534, {65534}, "nobody"};
    plan.body = [] {
        int signal = 0;
        ::prctl(PR_GET_PDEATHSIG, &signal);
        const bool dropped = ::getuid() == 65534 && ::geteuid() == 65534 && ::getgid() == 65534 &&
                             ::setuid(0) != 0 && ::getgroups(0, nullptr) == 1;
        return signal == SIGKILL && dropped ? 0 : 1;
    };
    EXPECT_EQ(run(plan).status, 0);
}

TEST(Spawn, ParentGoneIsNoticed) {
    EXPECT_FALSE(die_with_parent(0, ::getppid() + 1));
    EXPECT_TRUE(die_with_parent(0, ::getppid()));
}

TEST(CloseAllBut, BothWaysKeepExactlyTheList) {
    for (auto* const way : {&close_all_but, &close_all_but_by_proc}) {
        SpawnPlan plan;
        plan.body = [way] {
            for (int fd = 3; fd < 50; ++fd) ::dup2(0, fd);
            way({7, 1, 20, 20, 2, 0, 49});
            std::string open;
            for (int fd = 0; fd < 100; ++fd) {
                if (::fcntl(fd, F_GETFD) >= 0) open += std::to_string(fd) + " ";
            }
            say(open);
            return 0;
        };
        EXPECT_EQ(run(plan).output, "0 1 2 7 20 49 ");
    }
}

TEST(SetInheritable, ChangesTheFlag) {
    Pipe pipe = make_pipe();
    ASSERT_TRUE(set_inheritable(pipe.read.get(), true));
    EXPECT_EQ(::fcntl(pipe.read.get(), F_GETFD) & FD_CLOEXEC, 0);
    ASSERT_TRUE(set_inheritable(pipe.read.get(), false));
    EXPECT_EQ(::fcntl(pipe.read.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_FALSE(set_inheritable(-1, true));
}

}  // namespace
}  // namespace mew::os
