// One front handle and a process of its own kind: the body repeats to its master, as complaints,
// what it hears.
#include "master/front_handle.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/gate.h"
#include "master/holdings.h"

namespace mew::master {
namespace {

using control::Kind;
using testing::HasSubstr;

void say(int control, Kind kind, std::uint32_t slot = 0, const std::string& text = "") {
    control::Message message;
    message.kind = kind;
    message.slot = slot;
    message.pid = ::getpid();
    message.text = text;
    // It repeats faster than the test may read.
    for (auto sent = control::send(control, message); !sent && sent.error().code == EAGAIN;) {
        pollfd room{control, POLLOUT, 0};
        (void)::poll(&room, 1, -1);
        sent = control::send(control, message);
    }
}

control::Message hear(int control) {
    control::Message message;
    const auto receipt = control::receive(control, message, true);
    if (!receipt || *receipt != control::Receipt::message) ::_exit(1);
    return message;
}

std::string tell_of(const control::Message& heard) {
    std::string text = std::to_string(heard.value) + " " + heard.text;
    for (const os::Fd& fd : heard.descriptors)
        text += ::fcntl(fd.get(), F_GETFD) >= 0 ? " +" : " -";
    return text;
}

// What its boot block says and what it finds of it.
std::string look_around(const control::FrontBoot& boot) {
    auto board = stats::FrontBoard::attach(boot.board_fd);
    auto gate = control::Gate::attach_read_only(boot.gate_fd);
    const bool whole = board && gate && gate->serves(7) && !control::Gate::attach(boot.gate_fd);
    std::string text = whole ? "whole" : "not whole";
    if (board) stats::add(board->slot(boot.number).requests, 3);
    for (const net::ListenerInfo& listener : boot.listeners)
        text += ::fcntl(listener.fd, F_GETFD) >= 0 ? " listens" : " deaf";
    return text + " queue " + std::to_string(boot.options.http_queue);
}

int repeat_all(int control) {
    say(control, Kind::hello);
    const control::Message first = hear(control);
    if (first.kind != Kind::front_boot || first.descriptors.size() != 1) return 3;
    const auto boot = control::read_front_boot(first.descriptors.front().get());
    if (!boot) return 4;
    const std::string about = look_around(*boot);
    say(control, Kind::ready);
    say(control, Kind::broken, 0, about);
    for (;;) {
        const control::Message heard = hear(control);
        say(control, Kind::broken, static_cast<std::uint32_t>(heard.kind), tell_of(heard));
        if (heard.kind != Kind::retire) continue;
        say(control, Kind::drained);
        return 0;
    }
}

struct Heard {
    Kind kind;
    std::string text;
};

class Owner final : public FrontOwner {
public:
    void on_front_ready(FrontHandle&) override { ++ready; }
    void on_front_drained(FrontHandle&) override { ++drained; }
    void on_front_complains(FrontHandle&, const control::Message& message) override {
        heard.push_back({static_cast<Kind>(message.slot), message.text});
    }
    void on_front_dead(FrontHandle&, const FrontEnd& what) override {
        ++deaths;
        end = what;
    }
    int ready = 0;
    int drained = 0;
    int deaths = 0;
    std::vector<Heard> heard;
    FrontEnd end;
};

class Front : public ::testing::Test {
protected:
    Front() : loop(clock), holdings(loop, program) { program.front = repeat_all; }
    void SetUp() override {
        ASSERT_TRUE(loop.open());
        loop.run_once(base::Milliseconds{0});  // reads the clock
        auto made = stats::FrontBoard::create(2);
        ASSERT_TRUE(made);
        board = std::move(*made);
        auto gate = control::Gate::create();
        ASSERT_TRUE(gate);
        gate->set_serving(7, 7);
        auto reader = gate->reader();
        ASSERT_TRUE(reader);
        gate_reader = std::move(*reader);
        socket.reset(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        handle = std::make_unique<FrontHandle>(holdings, owner, board.slot(2), FrontPlace{2, 9});
    }
    void TearDown() override {
        if (handle->pid() == 0) return;
        const pid_t pid = handle->pid();
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
    }
    void start() {
        control::FrontBoot boot;
        boot.options.http_queue = 77;
        boot.number = 2;
        boot.incarnation = 9;
        boot.board_fd = board.fd();
        boot.gate_fd = gate_reader.get();
        boot.listeners.resize(2);
        boot.listeners[0].fd = socket.get();
        boot.listeners[0].routed = true;
        const auto started = handle->start(boot, std::nullopt);
        ASSERT_TRUE(started) << started.error().text;
    }
    // Turns of the loop until that is so; SIGCHLD stands for nothing here, so ends are asked for.
    void run_until(const std::function<bool()>& done) {
        const auto deadline = clock.now() + std::chrono::seconds(20);
        while (!done()) {
            ASSERT_LT(clock.now(), deadline);
            loop.run_once(base::Milliseconds{20});
            holdings.children.reap(loop.now());
        }
    }
    void run_until_dead() {
        run_until([this] { return owner.deaths == 1; });
    }
    void run_until_heard(std::size_t count) {
        run_until([this, count] { return owner.heard.size() >= count || owner.deaths != 0; });
        ASSERT_GE(owner.heard.size(), count) << owner.end.text;
    }

    base::SteadyClock clock;
    net::EventLoop loop;
    Program program;
    Holdings holdings;
    Owner owner;
    stats::FrontBoard board;
    os::Fd gate_reader;
    os::Fd socket;
    std::unique_ptr<FrontHandle> handle;
};

TEST_F(Front, GoesItsWay) {
    start();
    EXPECT_EQ(handle->phase(), FrontPhase::starting);
    EXPECT_EQ(board.slot(2).pid, static_cast<std::uint64_t>(handle->pid()));
    EXPECT_EQ(board.slot(2).incarnation, 9U);
    run_until_heard(1);
    EXPECT_EQ(owner.ready, 1);
    EXPECT_EQ(owner.heard[0].text, "whole listens deaf queue 77");
    EXPECT_TRUE(handle->is_joinable());
    handle->retire(base::Milliseconds{60000}, false);
    EXPECT_EQ(handle->phase(), FrontPhase::retiring);
    run_until_dead();
    EXPECT_EQ(owner.heard.at(1).kind, Kind::retire);
    EXPECT_EQ(owner.heard.at(1).text, "60000 ");
    EXPECT_EQ(owner.drained, 1);
    EXPECT_TRUE(handle->drained());
    EXPECT_TRUE(owner.end.expected);
    EXPECT_FALSE(owner.end.cut_off);
    EXPECT_EQ(board.slot(2).pid, 0U);
    EXPECT_EQ(board.slot(2).deaths, 0U);
    EXPECT_THAT(owner.end.text, HasSubstr("and 3 requests"));
}

TEST_F(Front, HearsAllInOrderHoweverMuchComesAtOnce) {
    start();
    run_until_heard(1);
    // While it stands still its socket fills up; what a socket takes is a few hundred messages.
    ASSERT_EQ(::kill(handle->pid(), SIGSTOP), 0);
    constexpr int kMessages = 2000;
    for (int number = 0; number < kMessages; ++number) {
        control::Message message;
        message.kind = number % 10 == 0 ? Kind::channel : Kind::ended;
        message.value = static_cast<std::uint64_t>(number);
        if (number % 10 == 0) {
            message.descriptors.emplace_back(::dup(socket.get()));
            message.descriptors.emplace_back(::dup(socket.get()));
        }
        handle->tell(std::move(message));
    }
    ASSERT_EQ(::kill(handle->pid(), SIGCONT), 0);
    run_until_heard(1 + kMessages);
    for (int number = 0; number < kMessages; ++number) {
        const std::string text = std::to_string(number) + (number % 10 == 0 ? "  + +" : " ");
        ASSERT_EQ(owner.heard[static_cast<std::size_t>(number) + 1].text, text);
    }
    EXPECT_EQ(owner.deaths, 0);
}

TEST_F(Front, AKilledOneIsADeath) {
    start();
    run_until_heard(1);
    board.slot(2).connections = 5;
    ::kill(handle->pid(), SIGKILL);
    run_until_dead();
    EXPECT_FALSE(owner.end.expected);
    EXPECT_TRUE(owner.end.was_ready);
    EXPECT_EQ(handle->phase(), FrontPhase::dead);
    EXPECT_EQ(board.slot(2).deaths, 1U);
    EXPECT_THAT(owner.end.text, HasSubstr("was killed by SIGKILL"));
    EXPECT_THAT(owner.end.text, HasSubstr("it had 5 connections"));
    EXPECT_EQ(holdings.deaths.of(Deaths::Role::front), 1U);
    handle->tell({});  // and nobody hears
    handle->retire(base::Milliseconds{1}, false);
}

TEST_F(Front, OneThatIsNotReadyIsNotWaitedFor) {
    program.front = [](int) -> int {
        for (;;) ::pause();
    };
    start();
    handle->retire(base::Milliseconds{60000}, false);
    run_until_dead();
    EXPECT_TRUE(owner.end.expected);
    EXPECT_FALSE(owner.end.cut_off);
    EXPECT_EQ(board.slot(2).deaths, 0U);
}

TEST_F(Front, OneThatIsEndedAtOnceIsNoDeath) {
    start();
    run_until_heard(1);
    handle->end_at_once("the server stops");
    run_until_dead();
    EXPECT_TRUE(owner.end.expected);
    EXPECT_FALSE(owner.end.cut_off);
    EXPECT_EQ(holdings.deaths.of(Deaths::Role::front), 0U);
}

TEST_F(Front, MercyEnds) {
    program.front = [](int control) -> int {
        say(control, Kind::ready);
        for (;;) ::pause();
    };
    start();
    run_until([this] { return owner.ready == 1; });
    board.slot(2).connections = 1;
    handle->retire(base::Milliseconds{20}, false);
    run_until_dead();
    EXPECT_TRUE(owner.end.cut_off);
    EXPECT_THAT(owner.end.text, HasSubstr("still had work after 0.0 s of mercy"));
}

TEST_F(Front, WhatItSaidBeforeItDiedCounts) {
    program.front = [](int control) -> int {
        say(control, Kind::ready);
        say(control, Kind::broken, 1, "a state that is none\n");
        return 7;
    };
    start();
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(handle->pid()), &info, WEXITED | WNOWAIT), 0);
    holdings.children.reap(loop.now());
    ASSERT_EQ(owner.heard.size(), 1U);
    EXPECT_EQ(owner.heard[0].text, "a state that is none\\x0a") << "as it may be logged";
    EXPECT_EQ(owner.ready, 1);
    EXPECT_THAT(owner.end.text, HasSubstr("exited with status 7"));
}

TEST_F(Front, AnIdentityThatCannotBeTakenIsToldAtOnce) {
    if (::geteuid() == 0) GTEST_SKIP() << "root can take any";
    os::Identity root;
    root.uid = 0;
    root.gid = 0;
    control::FrontBoot boot;
    boot.board_fd = board.fd();
    boot.gate_fd = gate_reader.get();
    const auto started = handle->start(boot, root);
    ASSERT_FALSE(started);
    EXPECT_THAT(started.error().text, HasSubstr("cannot become"));
    EXPECT_EQ(handle->pid(), 0);
}

}  // namespace
}  // namespace mew::master
