// The two sides of `mewsgi reload|upgrade|stop|status`: their language, and a socket with clients
// that do not keep to it.
#include <gtest/gtest.h>

#include "master/command_client.h"
#include "master/command_socket.h"
#include "master/command_text.h"
#include "master/program.h"

namespace mew::master {
namespace {

TEST(CommandText, EveryCommandSurvivesTheWay) {
    for (const Command command :
         {Command::reload, Command::stop, Command::status, Command::status_json}) {
        std::string line = command_line_for(command);
        ASSERT_EQ(line.back(), '\n');
        line.pop_back();
        EXPECT_EQ(parse_command(line), command) << line;
    }
}

TEST(CommandText, OtherLinesAreNoCommands) {
    for (const char* line : {"", "reload", "mewsgi 2 reload", "mewsgi 1 ", "mewsgi 1 RELOAD",
                             "mewsgi 1 reload ", "mewsgi 1 reloadx", "GET / HTTP/1.1"})
        EXPECT_FALSE(parse_command(line)) << line;
}

TEST(CommandText, AnswersAreReadStrictly) {
    const auto answer = decode_answer(encode_answer({22, "two\nlines\n"}));
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 22);
    EXPECT_EQ(answer->text, "two\nlines\n");
    for (const char* bad : {"", "0", "x\n", "\n", "1x\n", "-1\n", "256\n", "99999999999\n"})
        EXPECT_FALSE(decode_answer(bad)) << bad;
}

TEST(CommandText, PidInItsOwnNamespaceIsTheLast) {
    EXPECT_EQ(innermost_pid("Name:\tx\nNSpid:\t4711\nNSpgid:\t9\n"), 4711);
    EXPECT_EQ(innermost_pid("Name:\tx\nNSpid:\t4711\t12\t1\nNSpgid:\t9\t8\t7\n"), 1);
    for (const char* bad : {"", "NSpid:\t7", "x\nNSpid:", "x\nNSpid:\tabc\n", "x\nNSpid:\t-3\n"})
        EXPECT_FALSE(innermost_pid(bad)) << bad;
}

class Socket : public ::testing::Test {
protected:
    Socket()
        : loop(clock),
          name("mew-test." + std::to_string(::getpid()) + "." +
               ::testing::UnitTest::GetInstance()->current_test_info()->name()),
          commands(loop, [this](Command command, pid_t, ClientId client) {
              asked.push_back(command);
              asker = client;
          }) {}
    void SetUp() override {
        ASSERT_TRUE(loop.open());
        ASSERT_TRUE(commands.open(name));
    }

    os::Fd connect() const {
        os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto [address, length] = abstract_address(name);
        EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
        return fd;
    }
    void turn() {
        for (int i = 0; i < 5; ++i) loop.run_once(base::Milliseconds{0});
    }
    // All that has arrived, up to the end of file; turns the loop meanwhile.
    std::string read_all(const os::Fd& fd) {
        std::string text;
        char buffer[4096];
        for (int i = 0; i < 100000; ++i) {
            const ssize_t n = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
            if (n == 0) return text;
            if (n > 0) {
                text.append(buffer, static_cast<std::size_t>(n));
                continue;
            }
            if (errno == ECONNRESET) return text;
            loop.run_once(base::Milliseconds{0});
        }
        ADD_FAILURE() << "the connection stays open";
        return text;
    }
    static void send(const os::Fd& fd, const std::string& text) {
        EXPECT_EQ(::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }

    base::SteadyClock clock;
    net::EventLoop loop;
    std::string name;
    CommandSocket commands;
    std::vector<Command> asked;
    ClientId asker = 0;
};

TEST_F(Socket, AnswersWhenTheHandlerDoes) {
    const os::Fd client = connect();
    send(client, "mewsgi 1 rel");
    turn();
    EXPECT_TRUE(asked.empty());
    send(client, "oad\n");
    turn();
    ASSERT_EQ(asked, std::vector{Command::reload});
    commands.answer(asker, {1, "no\n"});
    EXPECT_EQ(read_all(client), "1\nno\n");
}

TEST_F(Socket, LongAnswerReachesASlowReader) {
    const os::Fd client = connect();
    send(client, "mewsgi 1 status\n");
    turn();
    const std::string text(4 << 20, 'x');
    commands.answer(asker, {0, text});
    EXPECT_EQ(read_all(client), "0\n" + text);
}

TEST_F(Socket, UnknownCommandIsToldSo) {
    const os::Fd client = connect();
    send(client, "mewsgi 9 dance\n");
    EXPECT_NE(read_all(client).find("does not know that command"), std::string::npos);
    EXPECT_TRUE(asked.empty());
}

TEST_F(Socket, EndlessLineIsCutOff) {
    const os::Fd client = connect();
    send(client, std::string(kMaxCommand, 'a'));
    EXPECT_EQ(read_all(client), "");
}

TEST_F(Socket, ClientThatLeftIsNotAnswered) {
    {
        const os::Fd client = connect();
        send(client, "mewsgi 1 reload\n");
        turn();
    }
    turn();
    commands.answer(asker, {0, "nobody hears this"});
    turn();
    const os::Fd next = connect();
    send(next, "mewsgi 1 stop\n");
    turn();
    EXPECT_EQ(asked.size(), 2U);
}

TEST_F(Socket, TooManyClientsDoNotKeepLaterOnesOutForEver) {
    std::vector<os::Fd> silent;
    for (int i = 0; i < 80; ++i) {
        silent.push_back(connect());
        turn();
    }
    silent.clear();
    turn();
    const os::Fd client = connect();
    send(client, "mewsgi 1 status\n");
    turn();
    EXPECT_EQ(asked.size(), 1U);
}

TEST(CommandClient, NoSuchProcessIsNotRunning) {
    // Larger than any pid that Linux gives.
    EXPECT_EQ(run_command("status", {"4194999"}), kExitNotRunning);
    EXPECT_EQ(run_command("reload", {"--pidfile", "/nonexistent/app.pid"}), kExitNotRunning);
    EXPECT_EQ(run_command("stop", {std::to_string(::getpid())}), kExitNotRunning);
}

TEST(CommandClient, BadArgumentsAreErrors) {
    EXPECT_EQ(run_command("status", {}), kExitError);
    EXPECT_EQ(run_command("status", {"twelve"}), kExitError);
    EXPECT_EQ(run_command("status", {"--pid"}), kExitError);
    EXPECT_EQ(run_command("reload", {"--json", "1"}), kExitError);
    EXPECT_EQ(run_command("reload", {"--pid=-4"}), kExitError);
}

}  // namespace
}  // namespace mew::master
