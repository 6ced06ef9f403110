// One worker handle with the test as its worker: every message in every order, without processes
// except where a death is the point.
#include "master/worker_handle.h"

#include <sys/wait.h>

#include <gtest/gtest.h>

#include "master/test_server.h"

namespace mew::master {
namespace {

class Owner final : public WorkerOwner {
public:
    void on_worker_ready(WorkerHandle&) override { ++ready; }
    void on_worker_request(WorkerHandle&, control::Kind kind) override { requests.push_back(kind); }
    void on_worker_dead(WorkerHandle&, const WorkerEnd& what) override {
        ++deaths;
        end = what;
    }
    int ready = 0;
    int deaths = 0;
    std::vector<control::Kind> requests;
    WorkerEnd end;
};

class Worker : public ::testing::Test {
protected:
    Worker() : loop(clock), holdings(loop, program) {}
    void SetUp() override {
        ASSERT_TRUE(loop.open());
        loop.run_once(base::Milliseconds{0});  // reads the clock
        auto made = stats::Board::create(1);
        ASSERT_TRUE(made);
        board = std::move(*made);
        auto pair = control::make_pair();
        ASSERT_TRUE(pair);
        far = std::move(pair->far);
        handle = std::make_unique<WorkerHandle>(holdings, owner, board.slot(1, 1),
                                                WorkerPlace{1, 3, 7, true, start_limit});
        ASSERT_TRUE(handle->expect(std::move(pair->near)));
    }
    void TearDown() override {
        if (child == 0) return;
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
    }
    void say(control::Kind kind, pid_t pid = 0, std::uint64_t value = 0) {
        control::Message message;
        message.kind = kind;
        message.slot = 1;
        message.pid = pid;
        message.value = value;
        ASSERT_TRUE(control::send(far.get(), message));
        loop.run_once(base::Milliseconds{0});
    }
    control::Message hear() {
        control::Message message;
        const auto receipt = control::receive(far.get(), message);
        EXPECT_TRUE(receipt && *receipt == control::Receipt::message);
        return message;
    }
    // A real child, for what needs a pid: sits still until it is killed.
    pid_t start_child() {
        child = ::fork();
        if (child == 0) {
            for (;;) ::pause();
        }
        return child;
    }
    void reap() {
        siginfo_t info{};
        ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
        child = 0;
        holdings.children.reap(loop.now());
    }

    base::SteadyClock clock;
    net::EventLoop loop;
    Program program;
    Holdings holdings;
    Owner owner;
    stats::Board board;
    os::Fd far;
    std::unique_ptr<WorkerHandle> handle;
    pid_t child = 0;
    base::Milliseconds start_limit{60000};
};

TEST_F(Worker, GoesItsWay) {
    const pid_t pid = start_child();
    say(control::Kind::hello, pid);
    EXPECT_EQ(handle->phase(), WorkerPhase::starting);
    EXPECT_EQ(handle->pid(), pid);
    EXPECT_EQ(board.slot(1, 1).pid.load(), static_cast<std::uint64_t>(pid));
    EXPECT_EQ(board.slot(1, 1).incarnation.load(), 7U);
    say(control::Kind::ready);
    EXPECT_EQ(owner.ready, 1);
    handle->serve();
    EXPECT_EQ(hear().kind, control::Kind::serve);
    handle->retire(base::Milliseconds{1234}, 4);
    const control::Message order = hear();
    EXPECT_EQ(order.kind, control::Kind::retire);
    EXPECT_EQ(order.value, 1234U);
    EXPECT_EQ(order.generation, 4U);
    say(control::Kind::left, 0, 2);
    ::kill(pid, SIGKILL);
    reap();
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_TRUE(owner.end.expected);
    EXPECT_FALSE(owner.end.cut_off);
    EXPECT_NE(owner.end.text.find("2 requests were cut"), std::string::npos);
    EXPECT_EQ(board.slot(1, 1).deaths.load(), 0U);
    EXPECT_EQ(board.slot(1, 1).pid.load(), 0U);
}

TEST_F(Worker, SpawnedAndHelloMayComeInAnyOrder) {
    const pid_t pid = start_child();
    handle->on_spawned(pid);
    EXPECT_EQ(handle->phase(), WorkerPhase::starting);
    say(control::Kind::hello, pid);
    EXPECT_EQ(handle->phase(), WorkerPhase::starting);
    EXPECT_EQ(handle->pid(), pid);
}

TEST_F(Worker, DeathBeforeItsPidWasToldIsFoundLater) {
    const pid_t pid = start_child();
    ::kill(pid, SIGKILL);
    reap();  // a stranger, so far
    EXPECT_EQ(owner.deaths, 0);
    handle->on_spawned(pid);
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_NE(owner.end.text.find("SIGKILL"), std::string::npos) << owner.end.text;
}

TEST_F(Worker, EndOfSocketWithoutAPidIsDeath) {
    far.reset();
    loop.run_once(base::Milliseconds{0});
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_EQ(owner.end.phase, WorkerPhase::ordered);
    EXPECT_FALSE(owner.end.was_ready);
}

TEST_F(Worker, WhatItSaidBeforeItDiedCounts) {
    const pid_t pid = start_child();
    say(control::Kind::hello, pid);
    control::Message failed;
    failed.kind = control::Kind::failed;
    failed.value = 22;
    failed.text = "Traceback";
    ASSERT_TRUE(control::send(far.get(), failed));
    ::kill(pid, SIGKILL);
    reap();  // before the loop saw the message
    EXPECT_EQ(owner.end.failed_status, 22);
    EXPECT_EQ(owner.end.why, "Traceback");
}

TEST_F(Worker, ForeignBuildIsCutOff) {
    const char junk[] = "this is no message of ours at all, and a long one at that.......";
    ASSERT_GT(::send(far.get(), junk, sizeof junk, MSG_NOSIGNAL), 0);
    loop.run_once(base::Milliseconds{0});
    EXPECT_EQ(owner.deaths, 1);
}

TEST_F(Worker, ClaimOfAPidThatIsNotOursKillsNobody) {
    say(control::Kind::hello, ::getppid());
    handle->kill("test");
    EXPECT_EQ(::kill(::getppid(), 0), 0);
    EXPECT_EQ(::kill(::getpid(), 0), 0);
}

TEST_F(Worker, OutOfOrderMessagesChangeNothing) {
    say(control::Kind::ready);
    EXPECT_EQ(owner.ready, 1);
    say(control::Kind::ready);
    say(control::Kind::spawned);
    say(control::Kind::serve);
    EXPECT_EQ(owner.ready, 1);
    EXPECT_EQ(handle->phase(), WorkerPhase::ready);
    say(control::Kind::reload);
    say(control::Kind::stop);
    EXPECT_EQ(owner.requests, (std::vector{control::Kind::reload, control::Kind::stop}));
}

TEST_F(Worker, RetiringBeforeItServedDoesNotWait) {
    const pid_t pid = start_child();
    say(control::Kind::hello, pid);
    handle->retire(base::Milliseconds{1000000}, 0);
    reap();
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_TRUE(owner.end.expected);
    EXPECT_FALSE(owner.end.cut_off);
}

TEST_F(Worker, MercyEnds) {
    const pid_t pid = start_child();
    say(control::Kind::hello, pid);
    say(control::Kind::ready);
    handle->serve();
    handle->retire(base::Milliseconds{20}, 0);
    loop.run_once(base::Milliseconds{10000});
    loop.run_once(base::Milliseconds{0});
    reap();
    EXPECT_TRUE(owner.end.cut_off);
    EXPECT_NE(owner.end.text.find("mercy"), std::string::npos) << owner.end.text;
}

class LateWorker : public Worker {
protected:
    LateWorker() { start_limit = base::Milliseconds{30}; }
};

TEST_F(LateWorker, IsKilledAndSaysWhy) {
    const pid_t pid = start_child();
    say(control::Kind::hello, pid);
    loop.run_once(base::Milliseconds{10000});
    reap();
    EXPECT_TRUE(owner.end.late);
    EXPECT_FALSE(owner.end.was_ready);
    EXPECT_NE(owner.end.text.find("was not ready within 0.03 s"), std::string::npos)
        << owner.end.text;
}

TEST_F(LateWorker, IsLateAlsoIfItWasNeverForked) {
    loop.run_once(base::Milliseconds{10000});
    EXPECT_EQ(owner.deaths, 1);
    EXPECT_TRUE(owner.end.late);
}

TEST_F(LateWorker, HasItsLimitFromTheForkOn) {
    loop.run_once(base::Milliseconds{0});
    const auto ordered = clock.now();
    while (clock.now() - ordered < base::Milliseconds{20}) {
    }
    say(control::Kind::hello, start_child());
    EXPECT_EQ(owner.deaths, 0);
    loop.run_once(base::Milliseconds{10000});
    reap();
    EXPECT_GE(clock.now() - ordered, base::Milliseconds{50});
    EXPECT_TRUE(owner.end.late);
}

TEST_F(Worker, StopsAndContinuesAreSeen) {
    const pid_t pid = start_child();
    say(control::Kind::hello, pid);
    siginfo_t info{};
    ::kill(pid, SIGSTOP);
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOWAIT), 0);
    holdings.children.reap(loop.now());
    EXPECT_TRUE(handle->stop_watch().stopped());
    ::kill(pid, SIGCONT);
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WCONTINUED | WNOWAIT), 0);
    holdings.children.reap(loop.now());
    EXPECT_FALSE(handle->stop_watch().stopped());
    EXPECT_EQ(owner.deaths, 0);
}

TEST_F(Worker, AKilledOneTellsWhatItDidBefore) {
    const pid_t pid = start_child();
    say(control::Kind::hello, pid);
    say(control::Kind::ready);
    handle->serve();
    board.slot(1, 1).state = stats::WorkerState::busy;
    handle->kill("was in the way");
    board.slot(1, 1).state = stats::WorkerState::idle;
    reap();
    EXPECT_NE(owner.end.text.find("it was inside a request; the master ended it because it was in"),
              std::string::npos)
        << owner.end.text;
    EXPECT_EQ(holdings.deaths.by_cause().at("killed by the master"), 1U);
}

TEST(Children, StrangersAreReapedSilently) {
    Children children;
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(9);
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
    children.reap(std::chrono::steady_clock::now());
    EXPECT_FALSE(Children::is_own(pid));
}

TEST(Children, OnlyOwnChildrenAreOwn) {
    EXPECT_FALSE(Children::is_own(0));
    EXPECT_FALSE(Children::is_own(-1));
    EXPECT_FALSE(Children::is_own(1));
    EXPECT_FALSE(Children::is_own(::getpid()));
    EXPECT_FALSE(Children::is_own(::getppid()));
}

}  // namespace
}  // namespace mew::master
