// One task, with the test as zygote and as task: every message in every order, and processes only
// where an end must be waited for.
#include "master/singleton.h"

#include <fcntl.h>
#include <poll.h>

#include "master/test_task.h"

namespace mew::master {
namespace {

using base::Milliseconds;

class Owner final : public TaskOwner {
public:
    void on_task_running(TaskHandle&) override { ++running; }
    void on_task_request(TaskHandle&, control::Kind kind) override { requests.push_back(kind); }
    void on_task_dead(TaskHandle&, const TaskEnd& what) override {
        ++deaths;
        end = what;
    }
    int running = 0;
    int deaths = 0;
    std::vector<control::Kind> requests;
    TaskEnd end;
};

class TaskTest : public TaskBench {
protected:
    void SetUp() override {
        TaskBench::SetUp();
        auto pair = control::make_pair();
        ASSERT_TRUE(pair);
        far = std::move(pair->far);
        handle = std::make_unique<TaskHandle>(holdings, owner, TaskPlace{"clock", 1, 3, 7});
        ASSERT_TRUE(handle->expect(std::move(pair->near)));
    }
    pid_t run() {
        const pid_t pid = start_child();
        say(far.get(), control::Kind::hello, pid);
        EXPECT_EQ(hear(far.get()), control::Kind::serve);
        return pid;
    }

    Owner owner;
    os::Fd far;
    std::unique_ptr<TaskHandle> handle;
};

TEST_F(TaskTest, GoesItsWay) {
    const pid_t pid = run();
    EXPECT_EQ(handle->phase(), TaskPhase::running);
    EXPECT_EQ(handle->pid(), pid);
    EXPECT_EQ(owner.running, 1);
    handle->retire(Milliseconds{60000});
    EXPECT_EQ(handle->phase(), TaskPhase::leaving);
    EXPECT_EQ(hear(far.get()), control::Kind::retire);
    say(far.get(), control::Kind::left, 0, "ended as it was told to");
    EXPECT_EQ(owner.deaths, 0) << "it is no end before its process has ended";
    ::kill(pid, SIGKILL);
    await_end_and_reap(pid);
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_TRUE(owner.end.expected);
    EXPECT_FALSE(owner.end.killed);
    EXPECT_NE(owner.end.text.find("ended as it was told to"), std::string::npos);
}

TEST_F(TaskTest, IsToldToServeOnlyByItsOwnHello) {
    const pid_t pid = start_child();
    handle->on_spawned(pid);
    turn();
    EXPECT_EQ(handle->phase(), TaskPhase::starting);
    EXPECT_EQ(hear(far.get()), control::Kind::hello) << "nothing yet";
    say(far.get(), control::Kind::hello, pid);
    EXPECT_EQ(hear(far.get()), control::Kind::serve);
    say(far.get(), control::Kind::hello, pid);
    EXPECT_EQ(owner.running, 1);
}

TEST_F(TaskTest, OneOfAnotherPidThanTheZygoteToldIsKilled) {
    const pid_t pid = start_child();
    handle->on_spawned(pid);
    say(far.get(), control::Kind::hello, ::getpid());
    await_end_and_reap(pid);
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_FALSE(owner.end.ran);
}

TEST_F(TaskTest, ClaimOfAPidThatIsNotOursIsNoOwnerAndKillsNobody) {
    say(far.get(), control::Kind::hello, ::getppid());
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_EQ(owner.running, 0);
    EXPECT_TRUE(is_closed(far.get()));
    EXPECT_EQ(::kill(::getppid(), 0), 0);
}

TEST_F(TaskTest, WithoutAPidTheEndOfItsSocketIsEnough) {
    far.reset();
    turn();
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_FALSE(owner.end.ran);
}

TEST_F(TaskTest, WithAPidTheEndOfItsSocketIsNot) {
    const pid_t pid = run();
    far.reset();
    turn();
    EXPECT_EQ(owner.deaths, 0);
    ::kill(pid, SIGKILL);
    await_end_and_reap(pid);
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_TRUE(owner.end.ran);
    EXPECT_NE(owner.end.text.find("SIGKILL"), std::string::npos) << owner.end.text;
}

TEST_F(TaskTest, RetiredBeforeItsPidIsGivenUpAndCannotServe) {
    handle->retire(Milliseconds{60000});
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_TRUE(owner.end.expected);
    EXPECT_TRUE(is_closed(far.get()));
}

TEST_F(TaskTest, RetiredBeforeItsHelloIsKilledAndNeverServes) {
    const pid_t pid = start_child();
    handle->on_spawned(pid);
    handle->retire(Milliseconds{60000});
    EXPECT_EQ(owner.deaths, 0);
    say(far.get(), control::Kind::hello, pid);
    EXPECT_EQ(hear(far.get()), control::Kind::hello) << "nothing";
    await_end_and_reap(pid);
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_EQ(owner.running, 0);
}

TEST_F(TaskTest, MercyEndsAndTheFirstOneCounts) {
    const pid_t pid = run();
    handle->retire(Milliseconds{20});
    handle->retire(Milliseconds{1000000});
    turn(Milliseconds{10000});
    turn();
    await_end_and_reap(pid);
    EXPECT_TRUE(owner.end.killed);
    EXPECT_NE(owner.end.text.find("mercy"), std::string::npos) << owner.end.text;
}

TEST_F(TaskTest, ALaterStopMayShortenTheMercy) {
    const pid_t pid = run();
    handle->retire(Milliseconds{1000000});
    handle->retire(Milliseconds{20});
    EXPECT_EQ(hear(far.get()), control::Kind::retire);
    EXPECT_EQ(hear(far.get()), control::Kind::hello) << "told once";
    turn(Milliseconds{10000});
    turn();
    await_end_and_reap(pid);
    EXPECT_TRUE(owner.end.killed);
}

TEST_F(TaskTest, WhatItSaidBeforeItDiedCounts) {
    const pid_t pid = run();
    control::Message failed;
    failed.kind = control::Kind::failed;
    failed.text = "Traceback";
    ASSERT_TRUE(control::send(far.get(), failed));
    ::kill(pid, SIGKILL);
    await_end_and_reap(pid);
    EXPECT_EQ(owner.end.why, "Traceback");
    EXPECT_FALSE(owner.end.returned);
}

TEST_F(TaskTest, AsksForReloadAndStop) {
    run();
    say(far.get(), control::Kind::reload);
    say(far.get(), control::Kind::stop);
    say(far.get(), control::Kind::worn);
    EXPECT_EQ(owner.requests, (std::vector{control::Kind::reload, control::Kind::stop}));
}

TEST_F(TaskTest, TakesItsGroupAlong) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::setpgid(0, 0);
        if (::fork() == 0) {
            ::close(ends[0]);
            for (;;) ::pause();  // holds the pipe
        }
        ::close(ends[1]);
        ::close(ends[0]);
        for (;;) ::pause();
    }
    ::close(ends[1]);
    living.insert(pid);
    say(far.get(), control::Kind::hello, pid);
    // Once the child in the middle has only its own left: one holder, the grandchild.
    ::kill(pid, SIGTERM);
    await_end_and_reap(pid);
    pollfd gone{ends[0], POLLIN, 0};
    EXPECT_EQ(::poll(&gone, 1, 20000), 1) << "what the task had forked lives on";
    ::close(ends[0]);
}

}  // namespace
}  // namespace mew::master
