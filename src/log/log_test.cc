#include "log/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "os/fd.h"

namespace mew::log {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::MatchesRegex;

struct Pipe {
    os::Fd read;
    os::Fd write;
};

Pipe make_pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    EXPECT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    return {os::Fd(ends[0]), os::Fd(ends[1])};
}

std::string drain(int fd) {
    std::string out;
    std::array<char, 4096> part;
    for (;;) {
        const ssize_t n = ::read(fd, part.data(), part.size());
        if (n <= 0) return out;
        out.append(part.data(), static_cast<std::size_t>(n));
    }
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::size_t start = 0;
    while (start < text.size()) {
        const std::size_t end = text.find('\n', start);
        if (end == std::string::npos) {
            lines.push_back(text.substr(start));
            break;
        }
        lines.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return lines;
}

class LogTest : public testing::Test {
protected:
    void set_up(bool as_json, bool may_wait = true, bool colour = false) {
        configure({.fd = pipe.write.get(),
                   .json = as_json,
                   .colour = colour,
                   .may_wait = may_wait,
                   .level = Level::info,
                   .role = "worker 3"});
    }
    void TearDown() override { configure({}); }
    std::string written() { return drain(pipe.read.get()); }

    Pipe pipe = make_pipe();
};

TEST_F(LogTest, TextHasTimeLevelRoleAndTheMessageAsItIs) {
    set_up(false);
    info("spawned", "spawned mewsgi worker {} (and the only) (pid: {}, cores: 1)", 1, 1221);
    EXPECT_THAT(written(),
                MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} "
                             "info    worker 3 spawned mewsgi worker 1 \\(and the only\\) "
                             "\\(pid: 1221, cores: 1\\)\n"));
}

TEST_F(LogTest, TextKeepsTheLinesOfATraceback) {
    set_up(false);
    const std::string traceback = "Traceback (most recent call last):\n  File \"x\"\nOops: é\n";
    write(Level::error, "app-failed", traceback);
    const std::string out = written();
    EXPECT_THAT(out, HasSubstr(traceback));
    EXPECT_EQ(lines_of(out).size(), 3U) << "no blank line at its end";
}

TEST_F(LogTest, ColourOnlyWhenAskedFor) {
    set_up(false);
    warning("w", "plain");
    EXPECT_EQ(written().find('\x1b'), std::string::npos);
    set_up(false, true, true);
    warning("w", "message");
    const std::string out = written();
    EXPECT_THAT(out, HasSubstr("\x1b[33mwarning\x1b[0m"));
    EXPECT_THAT(out, HasSubstr(" message\n"));
}

TEST_F(LogTest, LevelsBelowTheSetOneAreSilent) {
    set_up(false);
    debug("d", "nothing");
    write(Level::debug, "d", "nothing either");
    EXPECT_EQ(written(), "");
    EXPECT_FALSE(enabled(Level::debug));
    error("e", "something");
    EXPECT_NE(written(), "");
}

TEST_F(LogTest, JsonIsOneObjectALineWithFields) {
    set_up(true);
    write(Level::warning, "worker-died", "one\ntwo \"three\"\n",
          {{"worker", std::int64_t{3}},
           {"seconds", 0.5},
           {"ordered", false},
           {"reason", std::string_view("signal\t9")}});
    const auto lines = lines_of(written());
    ASSERT_EQ(lines.size(), 1U);
    const json event = json::parse(lines[0]);
    EXPECT_EQ(event["level"], "warning");
    EXPECT_EQ(event["role"], "worker 3");
    EXPECT_EQ(event["pid"], ::getpid());
    EXPECT_EQ(event["event"], "worker-died");
    EXPECT_EQ(event["message"], "one\ntwo \"three\"");
    EXPECT_EQ(event["worker"], 3);
    EXPECT_EQ(event["seconds"], 0.5);
    EXPECT_EQ(event["ordered"], false);
    EXPECT_EQ(event["reason"], "signal\t9");
    EXPECT_THAT(event["time"].get<std::string>(), MatchesRegex("[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z"));
}

TEST_F(LogTest, JsonSurvivesEveryByte) {
    set_up(true);
    std::mt19937 random(7);
    for (int round = 0; round < 300; ++round) {
        std::string hostile;
        for (int i = 0; i < 40; ++i) hostile += static_cast<char>(random() & 0xff);
        write(Level::info, "e", hostile, {{"field", std::string_view(hostile)}});
        const auto lines = lines_of(written());
        ASSERT_EQ(lines.size(), 1U);
        ASSERT_TRUE(json::accept(lines[0])) << lines[0];
    }
    write(Level::info, "e", std::string_view("a\0b\xff", 4));
    EXPECT_EQ(json::parse(written())["message"], std::string("a\0b\xef\xbf\xbd", 6));
}

TEST_F(LogTest, FullPipeDropsCountsAndAdmitsIt) {
    set_up(false, false);
    const std::uint64_t before = dropped();
    const std::string message(1000, 'm');
    for (int i = 0; i < 200; ++i) info("e", "{}", message);
    const std::uint64_t lost = dropped() - before;
    EXPECT_GT(lost, 0U);
    std::string out = written();
    EXPECT_EQ(lines_of(out).size(), 200 - lost);

    info("e", "after");
    out = written();
    EXPECT_THAT(out, HasSubstr(std::to_string(lost) + " log lines were lost here"));
    EXPECT_THAT(out, HasSubstr("after\n"));
    info("e", "quiet again");
    EXPECT_EQ(lines_of(written()).size(), 1U);
    EXPECT_EQ(dropped() - before, lost);
}

TEST_F(LogTest, LongLineIsNeverLeftHalf) {
    ASSERT_GT(::fcntl(pipe.write.get(), F_SETPIPE_SZ, 4096), 0);
    set_up(true, false);
    const std::string big(100000, 'x');
    write(Level::info, "big", big);
    std::string out = written();
    EXPECT_LT(out.size(), big.size());
    // Its rest goes out first, however often that takes; lines meanwhile are lost, whole.
    for (int i = 0; i < 200 && out.find("\"second\"") == std::string::npos; ++i) {
        write(Level::info, "second", "2");
        out += written();
    }
    const auto lines = lines_of(out);
    ASSERT_GE(lines.size(), 2U);
    EXPECT_EQ(json::parse(lines[0])["message"], big);
    for (const auto& line : lines) EXPECT_TRUE(json::accept(line)) << line.substr(0, 100);
}

TEST_F(LogTest, NotWaitingDoesNotTouchTheFlagsOfTheSharedTarget) {
    set_up(false, false);
    info("e", "line");
    EXPECT_EQ(::fcntl(pipe.write.get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST_F(LogTest, ReaderGoneIsADropNotAnEnd) {
    ::signal(SIGPIPE, SIG_IGN);
    pipe.read.reset();
    for (bool may_wait : {true, false}) {
        set_up(false, may_wait);
        const std::uint64_t before = dropped();
        info("e", "into the void");
        EXPECT_EQ(dropped(), before + 1);
    }
}

TEST_F(LogTest, SocketTargetNeverWaits) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const os::Fd near(ends[0]);
    const os::Fd far(ends[1]);
    configure({.fd = near.get(), .may_wait = false});
    const std::uint64_t before = dropped();
    const std::string message(60000, 'm');
    for (int i = 0; i < 50; ++i) info("e", "{}", message);
    EXPECT_GT(dropped(), before);
}

TEST_F(LogTest, FileIsAppendedTo) {
    char path[] = "/tmp/mewsgi-log-test-XXXXXX";
    const os::Fd file(::mkostemp(path, O_APPEND | O_CLOEXEC));
    ASSERT_TRUE(file);
    configure({.fd = file.get(), .may_wait = false});
    ASSERT_EQ(::write(file.get(), "app\n", 4), 4);
    const std::string big(100000, 'x');
    info("e", "{}", big);
    set_role("master");
    info("e", "end");
    const os::Fd again(::open(path, O_RDONLY | O_CLOEXEC));
    const auto lines = lines_of(drain(again.get()));
    ::unlink(path);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[0], "app");
    EXPECT_THAT(lines[1], HasSubstr(big));
    EXPECT_THAT(lines[2], testing::EndsWith("info    master   end"));
}

TEST_F(LogTest, SetFdMovesTheLog) {
    set_up(false);
    Pipe other = make_pipe();
    set_fd(other.write.get());
    info("e", "moved");
    EXPECT_EQ(written(), "");
    EXPECT_THAT(drain(other.read.get()), HasSubstr("moved"));
}

// What a worker does when the master opened the log again; 1 and 2 are put back afterwards.
class ReplaceTarget : public ::testing::Test {
protected:
    void SetUp() override {
        kept_out.reset(::dup(STDOUT_FILENO));
        kept_err.reset(::dup(STDERR_FILENO));
        old = make_pipe();
        fresh = make_pipe();
        logger = make_pipe();
    }
    void put_back() {
        ::dup2(kept_out.get(), STDOUT_FILENO);
        ::dup2(kept_err.get(), STDERR_FILENO);
    }
    void replace(int output_fd) {
        ::dup2(output_fd, STDOUT_FILENO);
        ::dup2(output_fd, STDERR_FILENO);
        Settings settings;
        settings.fd = old.write.get();
        configure(settings);
        replace_target(fresh.write.get());
        info("event", "an event");
        const ssize_t written = ::write(STDOUT_FILENO, "output\n", 7);
        put_back();
        EXPECT_EQ(written, 7);
        EXPECT_EQ(log::settings().fd, old.write.get());
        configure(Settings{});
    }

    os::Fd kept_out;
    os::Fd kept_err;
    Pipe old;
    Pipe fresh;
    Pipe logger;
};

TEST_F(ReplaceTarget, OutputThatSharedTheLogMovesWithIt) {
    replace(old.write.get());
    const std::string moved = drain(fresh.read.get());
    EXPECT_THAT(moved, HasSubstr("an event"));
    EXPECT_THAT(moved, HasSubstr("output"));
    EXPECT_EQ(drain(old.read.get()), "");
}

TEST_F(ReplaceTarget, OutputThatGoesToTheLoggerStays) {
    replace(logger.write.get());
    EXPECT_THAT(drain(fresh.read.get()), HasSubstr("an event"));
    EXPECT_EQ(drain(logger.read.get()), "output\n");
    EXPECT_EQ(drain(old.read.get()), "");
}

}  // namespace
}  // namespace mew::log
