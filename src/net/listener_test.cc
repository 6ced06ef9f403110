#include "net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/process.h"

namespace mew::net {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

int flag(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

void expect_sane(const os::Fd& fd) {
    EXPECT_EQ(flag(fd.get(), SOL_SOCKET, SO_ACCEPTCONN), 1);
    EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
}

bool answers(const std::string& path) {
    const os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool answers(int port) {
    const os::Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    return ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

TEST(TcpListener, FreePortIsResolved) {
    for (const char* text : {"127.0.0.1:0", "localhost:", ":0"}) {
        const auto listener = bind_listener(Protocol::http, "http", text, {});
        ASSERT_TRUE(listener) << listener.error().text;
        expect_sane(listener->fd);
        EXPECT_EQ(flag(listener->fd.get(), IPPROTO_TCP, TCP_NODELAY), 1);
        EXPECT_EQ(flag(listener->fd.get(), SOL_SOCKET, SO_REUSEADDR), 1);
        EXPECT_EQ(listener->info.fd, listener->fd.get());
        EXPECT_EQ(listener->info.option, "http");
        EXPECT_FALSE(listener->info.unix_socket);
        EXPECT_NE(listener->info.server_name, "");
        const int port = std::stoi(listener->info.server_port);
        EXPECT_GT(port, 0);
        EXPECT_THAT(listener->info.address, testing::EndsWith(":" + listener->info.server_port));
        EXPECT_TRUE(answers(port));
        EXPECT_EQ(listener->path, "");
    }
}

TEST(TcpListener, Version6) {
    const auto listener = bind_listener(Protocol::http, "http", "[::1]:0", {});
    if (!listener) GTEST_SKIP() << listener.error().text;
    expect_sane(listener->fd);
    EXPECT_EQ(listener->info.address, "[::1]:" + listener->info.server_port);
}

TEST(TcpListener, GivenPortStaysAsWritten) {
    auto first = bind_listener(Protocol::http, "http", "127.0.0.1:0", {});
    ASSERT_TRUE(first);
    const std::string port = first->info.server_port;
    first->fd.reset();
    const auto again = bind_listener(Protocol::http, "http-socket", "localhost:" + port, {});
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(again->info.address, "localhost:" + port);
    EXPECT_EQ(again->info.server_port, port);
}

TEST(TcpListener, TakenPortNamesItsHolder) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const os::Fd read_end(ends[0]);
    const os::Fd write_end(ends[1]);
    os::SpawnPlan plan;
    plan.descriptors = {{write_end.get(), 3}};
    plan.body = [] {
        const auto listener = bind_listener(Protocol::http, "http", "127.0.0.1:0", {});
        if (!listener) return 1;
        const int port = std::stoi(listener->info.server_port);
        if (::write(3, &port, sizeof port) != sizeof port) return 1;
        ::pause();
        return 0;
    };
    const auto child = os::spawn(plan);
    ASSERT_TRUE(child);
    int port = 0;
    ASSERT_EQ(::read(read_end.get(), &port, sizeof port), static_cast<ssize_t>(sizeof port));
    const auto listener =
        bind_listener(Protocol::http, "http", "127.0.0.1:" + std::to_string(port), {});
    ::kill(*child, SIGKILL);
    ::waitpid(*child, nullptr, 0);
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().code, EADDRINUSE);
    EXPECT_THAT(listener.error().text,
                StartsWith("port " + std::to_string(port) + " is taken by pid " +
                           std::to_string(*child) + " ("));
    EXPECT_THAT(listener.error().text, HasSubstr("net_test"));
    EXPECT_THAT(listener.error().text, HasSubstr("choose another port"));
}

TEST(TcpListener, SamePortTwiceIsTold) {
    const auto first = bind_listener(Protocol::http, "http", "127.0.0.1:0", {});
    ASSERT_TRUE(first);
    const auto second = bind_listener(Protocol::http, "http", ":" + first->info.server_port, {});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().text, HasSubstr("asked for twice"));
}

TEST(TcpListener, ForeignAddressesAndNames) {
    const auto foreign = bind_listener(Protocol::http, "http", "192.0.2.1:0", {});
    ASSERT_FALSE(foreign);
    EXPECT_THAT(foreign.error().text, HasSubstr("no interface of this machine has"));
    EXPECT_FALSE(bind_listener(Protocol::http, "http", "256.1.1.1:0", {}));
    EXPECT_FALSE(bind_listener(Protocol::http, "http", "[1.2.3.4]:0", {}));
}

TEST(TcpListener, PatternTakesTheFirstInterfaceThatMatches) {
    for (const char* text : {"127.*:0", "127.0.0.1*:0"}) {
        const auto listener = bind_listener(Protocol::http, "http", text, {});
        ASSERT_TRUE(listener) << listener.error().text;
        EXPECT_EQ(listener->info.address, "127.0.0.1:" + listener->info.server_port);
        EXPECT_TRUE(answers(std::stoi(listener->info.server_port)));
    }
    const auto none = bind_listener(Protocol::http, "http", "240.0.0.*:0", {});
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().text, HasSubstr("begins with 240.0.0."));
    EXPECT_THAT(none.error().text, HasSubstr("127.0.0.1"));
}

TEST(TcpListener, BacklogIsClippedAloud) {
    const auto clipped = bind_listener(Protocol::http, "http", "127.0.0.1:0", {.backlog = 1 << 30});
    ASSERT_TRUE(clipped);
    EXPECT_THAT(clipped->warning, HasSubstr("somaxconn"));
    const auto plain = bind_listener(Protocol::http, "http", "127.0.0.1:0", {.backlog = 5});
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->warning, "");
}

class UnixListenerTest : public testing::Test {
protected:
    void SetUp() override {
        char path[] = "/tmp/mewsgi-net-XXXXXX";
        ASSERT_NE(::mkdtemp(path), nullptr);
        folder_ = path;
        socket_ = folder_ + "/app.sock";
    }
    void TearDown() override { fs::remove_all(folder_); }
    std::size_t entries() {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
    }
    mode_t mode() {
        struct stat about {};
        EXPECT_EQ(::stat(socket_.c_str(), &about), 0);
        return about.st_mode & 07777;
    }

    std::string folder_;
    std::string socket_;
};

TEST_F(UnixListenerTest, AppearsUnderItsName) {
    const auto listener = bind_listener(Protocol::http, "http-socket", socket_, {});
    ASSERT_TRUE(listener) << listener.error().text;
    expect_sane(listener->fd);
    EXPECT_TRUE(listener->info.unix_socket);
    EXPECT_EQ(listener->info.address, socket_);
    EXPECT_EQ(listener->info.server_port, "");
    EXPECT_EQ(listener->path, socket_);
    EXPECT_TRUE(answers(socket_));
    EXPECT_EQ(entries(), 1U) << "nothing is left beside it";
}

TEST_F(UnixListenerTest, ModeAndOwner) {
    for (const mode_t wanted : {0600U, 0666U, 0660U}) {
        const auto listener =
            bind_listener(Protocol::http, "http-socket", socket_, {.mode = wanted});
        ASSERT_TRUE(listener) << listener.error().text;
        EXPECT_EQ(mode(), wanted);
    }
    const mode_t before = ::umask(027);
    auto by_umask = bind_listener(Protocol::http, "http-socket", socket_, {});
    ::umask(before);
    ASSERT_TRUE(by_umask);
    EXPECT_EQ(mode(), 0750U);
    by_umask->fd.reset();
    if (::geteuid() != 0) return;
    const auto owned =
        bind_listener(Protocol::http, "http-socket", socket_, {.owner = "54321:12345"});
    ASSERT_TRUE(owned);
    struct stat about {};
    ASSERT_EQ(::stat(socket_.c_str(), &about), 0);
    EXPECT_EQ(about.st_uid, 54321U);
    EXPECT_EQ(about.st_gid, 12345U);
}

TEST_F(UnixListenerTest, StaleOneIsReplaced) {
    {
        const auto gone = bind_listener(Protocol::http, "http-socket", socket_, {});
        ASSERT_TRUE(gone);
    }
    ASSERT_TRUE(fs::exists(socket_));
    ASSERT_FALSE(answers(socket_));
    const auto listener = bind_listener(Protocol::http, "http-socket", socket_, {});
    ASSERT_TRUE(listener) << listener.error().text;
    EXPECT_TRUE(answers(socket_));
}

TEST_F(UnixListenerTest, LiveOneIsKeptAndNamed) {
    const auto first = bind_listener(Protocol::http, "http-socket", socket_, {});
    ASSERT_TRUE(first);
    const auto second = bind_listener(Protocol::http, "http-socket", socket_, {});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().text,
                HasSubstr("is taken by pid " + std::to_string(::getpid()) + " ("));
    EXPECT_TRUE(answers(socket_));
    EXPECT_EQ(entries(), 1U);
}

TEST_F(UnixListenerTest, LiveOneWithFullBacklogIsKept) {
    const auto first = bind_listener(Protocol::http, "http-socket", socket_, {.backlog = 0});
    ASSERT_TRUE(first);
    // Fills the backlog without waiting for anybody.
    std::vector<os::Fd> clients;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    int code = 0;
    while (code == 0 && clients.size() < 100) {
        clients.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (::connect(clients.back().get(), reinterpret_cast<sockaddr*>(&address),
                      sizeof address) != 0)
            code = errno;
    }
    ASSERT_EQ(code, EAGAIN);
    const auto second = bind_listener(Protocol::http, "http-socket", socket_, {});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().text, HasSubstr("is taken by"));
}

TEST_F(UnixListenerTest, OtherFilesAreNeverReplaced) {
    std::ofstream(socket_) << "precious";
    const auto listener = bind_listener(Protocol::http, "http-socket", socket_, {});
    ASSERT_FALSE(listener);
    EXPECT_THAT(listener.error().text, HasSubstr("is no socket"));
    EXPECT_EQ(fs::file_size(socket_), 8U);
    fs::remove(socket_);
    fs::create_symlink("/etc/passwd", socket_);
    EXPECT_FALSE(bind_listener(Protocol::http, "http-socket", socket_, {}));
    EXPECT_TRUE(fs::is_symlink(socket_));
}

TEST_F(UnixListenerTest, FailureLeavesEverythingAsItWas) {
    {
        const auto stale = bind_listener(Protocol::http, "http-socket", socket_, {.mode = 0600});
        ASSERT_TRUE(stale);
    }
    EXPECT_FALSE(bind_listener(Protocol::http, "http-socket", socket_, {.owner = "no-such-user"}));
    EXPECT_EQ(entries(), 1U);
    EXPECT_EQ(mode(), 0600U);
    const auto missing =
        bind_listener(Protocol::http, "http-socket", folder_ + "/none/app.sock", {});
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ENOENT);
}

TEST_F(UnixListenerTest, LongestPathStillWorks) {
    const std::string longest = folder_ + "/" + std::string(107 - folder_.size() - 1, 'x');
    const auto listener = bind_listener(Protocol::http, "http-socket", longest, {.mode = 0640});
    ASSERT_TRUE(listener) << listener.error().text;
    EXPECT_TRUE(answers(longest));
    EXPECT_EQ(entries(), 1U);
}

TEST_F(UnixListenerTest, RelativePathIsMadeAbsolute) {
    os::SpawnPlan plan;
    plan.working_directory = folder_;
    plan.body = [this] {
        const auto listener = bind_listener(Protocol::http, "http-socket", "app.sock", {});
        return listener && listener->path == socket_ && answers(socket_) ? 0 : 1;
    };
    const auto child = os::spawn(plan);
    ASSERT_TRUE(child);
    int status = -1;
    ASSERT_EQ(::waitpid(*child, &status, 0), *child);
    EXPECT_EQ(status, 0);
}

TEST_F(UnixListenerTest, AbstractNames) {
    const std::string name = "@mewsgi-net-test-" + std::to_string(::getpid());
    const auto first = bind_listener(Protocol::http, "http-socket", name, {});
    ASSERT_TRUE(first) << first.error().text;
    expect_sane(first->fd);
    EXPECT_TRUE(first->info.unix_socket);
    EXPECT_EQ(first->path, "");
    const auto second = bind_listener(Protocol::http, "http-socket", name, {});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().text, HasSubstr("is taken"));
}

}  // namespace
}  // namespace mew::net
