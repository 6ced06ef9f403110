#pragma once
// For the tests of tasks: a loop and its holdings, real children, and the far end of a control
// socket that the test itself speaks at.

#include <sys/wait.h>

#include <csignal>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "master/holdings.h"

namespace mew::master {

class TaskBench : public ::testing::Test {
protected:
    TaskBench() : loop(clock), holdings(loop, program) {}
    void SetUp() override {
        ASSERT_TRUE(loop.open());
        turn();
    }
    void TearDown() override {
        for (const pid_t pid : living) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, 0);
        }
    }
    void turn(base::Milliseconds limit = base::Milliseconds{0}) { loop.run_once(limit); }
    // Sits still until it is killed, in a group of its own.
    pid_t start_child() {
        const pid_t pid = ::fork();
        if (pid == 0) {
            for (;;) ::pause();
        }
        ::setpgid(pid, pid);
        living.insert(pid);
        return pid;
    }
    void await_end_and_reap(pid_t pid) {
        siginfo_t info{};
        ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
        living.erase(pid);
        holdings.children.reap(loop.now());
        turn();
    }
    void say(int far, control::Kind kind, pid_t pid = 0, const std::string& text = "") {
        control::Message message;
        message.kind = kind;
        message.pid = pid;
        message.text = text;
        ASSERT_TRUE(control::send(far, message));
        turn();
    }
    // What was said to the task next; `hello` stands for nothing.
    static control::Kind hear(int far) {
        control::Message message;
        const auto receipt = control::receive(far, message);
        const bool told = receipt && *receipt == control::Receipt::message;
        return told ? message.kind : control::Kind::hello;
    }
    static bool is_closed(int far) {
        control::Message message;
        const auto receipt = control::receive(far, message);
        return receipt && *receipt == control::Receipt::closed;
    }

    base::SteadyClock clock;
    net::EventLoop loop;
    Program program;
    Holdings holdings;
    std::set<pid_t> living;
};

}  // namespace mew::master
