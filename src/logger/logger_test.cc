#include "logger/logger.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "os/fd.h"
#include "os/process.h"

namespace mew::logger {
namespace {

using nlohmann::json;

struct Pipe {
    os::Fd read;
    os::Fd write;
};

Pipe make_pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    return {os::Fd(ends[0]), os::Fd(ends[1])};
}

// The role as the master runs it: a child with a pipe on 0 and the target on 1.
class LoggerTest : public testing::Test {
protected:
    void SetUp() override {
        ::signal(SIGPIPE, SIG_IGN);
        os::SpawnPlan plan;
        plan.body = [] { return run(0, 1); };
        plan.descriptors = {{input_.read.get(), 0}, {output_.write.get(), 1}};
        const auto child = os::spawn(plan);
        ASSERT_TRUE(child) << child.error().text;
        child_ = *child;
        output_.write.reset();
    }
    void TearDown() override {
        if (child_ > 0) ::kill(child_, SIGKILL);
        if (child_ > 0) ::waitpid(child_, nullptr, 0);
    }
    void say(const std::string& text) {
        ASSERT_EQ(::write(input_.write.get(), text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
    }
    // One more line of output, within ten seconds.
    json next_event() {
        while (received_.find('\n') == std::string::npos) {
            pollfd poller{output_.read.get(), POLLIN, 0};
            if (::poll(&poller, 1, 10000) <= 0) return "deadline";
            std::array<char, 4096> part;
            const ssize_t got = ::read(output_.read.get(), part.data(), part.size());
            if (got <= 0) return "end";
            received_.append(part.data(), static_cast<std::size_t>(got));
        }
        const std::size_t end = received_.find('\n');
        const std::string line = received_.substr(0, end);
        received_.erase(0, end + 1);
        return json::parse(line, nullptr, false);
    }
    int wait_for_end() {
        int status = -1;
        EXPECT_EQ(::waitpid(child_, &status, 0), child_);
        child_ = 0;
        return status;
    }

    Pipe input_ = make_pipe();
    Pipe output_ = make_pipe();
    pid_t child_ = 0;
    std::string received_;
};

TEST_F(LoggerTest, EachLineIsAnEvent) {
    say("hello \"cats\"\nsecond \xff\x1b[31m\n");
    const json first = next_event();
    EXPECT_EQ(first["message"], "hello \"cats\"");
    EXPECT_EQ(first["event"], "output");
    EXPECT_EQ(first["role"], "output");
    EXPECT_EQ(first["level"], "info");
    EXPECT_TRUE(first["time"].is_string());
    EXPECT_EQ(next_event()["message"], "second \xef\xbf\xbd\x1b[31m");
}

TEST_F(LoggerTest, EndsWithItsInputAndLosesNothing) {
    say("whole\nhalf");
    EXPECT_EQ(next_event()["message"], "whole");
    input_.write.reset();
    EXPECT_EQ(next_event()["message"], "half");
    EXPECT_EQ(next_event(), "end");
    EXPECT_EQ(wait_for_end(), 0);
}

TEST_F(LoggerTest, TermEndsItAfterWhatThePipeHeld) {
    say("up\n");
    EXPECT_EQ(next_event()["message"], "up");
    say("one\ntwo\nthree");
    ASSERT_EQ(::kill(child_, SIGTERM), 0);
    EXPECT_EQ(next_event()["message"], "one");
    EXPECT_EQ(next_event()["message"], "two");
    EXPECT_EQ(next_event()["message"], "three");
    EXPECT_EQ(next_event(), "end");
    EXPECT_EQ(wait_for_end(), 0) << "though the app still holds the pipe";
}

TEST_F(LoggerTest, TermEndsItThoughTheAppNeverStops) {
    say("up\n");
    EXPECT_EQ(next_event()["message"], "up");
    os::SpawnPlan chatter;
    chatter.body = [] {
        const std::string line = std::string(200, 'c') + "\n";
        while (::write(1, line.data(), line.size()) > 0) {
        }
        return 0;
    };
    chatter.descriptors = {{input_.write.get(), 1}};
    const auto child = os::spawn(chatter);
    ASSERT_TRUE(child);
    EXPECT_EQ(next_event()["message"].get<std::string>().size(), 200U);
    ASSERT_EQ(::kill(child_, SIGTERM), 0);
    json event;
    do event = next_event();
    while (event.is_object());
    EXPECT_EQ(event, "end");
    EXPECT_EQ(wait_for_end(), 0);
    ::kill(*child, SIGKILL);
    ::waitpid(*child, nullptr, 0);
}

TEST_F(LoggerTest, LongLinesAreMarked) {
    std::string text(60000, 'x');
    say(text);
    say(text + "\n");
    const json first = next_event();
    EXPECT_EQ(first["continues"], true);
    const json second = next_event();
    EXPECT_FALSE(second.contains("continues"));
    EXPECT_EQ(
        first["message"].get<std::string>().size() + second["message"].get<std::string>().size(),
        120000U);
}

TEST_F(LoggerTest, TargetGoneDoesNotStopTheApp) {
    output_.read.reset();
    // Far more than the pipe holds: would wait for ever if nobody read.
    const std::string line = std::string(1000, 'x') + "\n";
    for (int i = 0; i < 1000; ++i) say(line);
    input_.write.reset();
    EXPECT_EQ(wait_for_end(), 0);
}

}  // namespace
}  // namespace mew::logger
