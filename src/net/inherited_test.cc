#include "net/inherited.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "net/socket_name.h"
#include "os/process.h"

namespace mew::net {
namespace {

using testing::HasSubstr;

int flag(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

// As another program would have made it: blocking, inherited by whatever it starts.
os::Fd foreign_listener() {
    os::Fd fd(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 5), 0);
    return fd;
}

std::string fault_of(int fd, const std::string& giver = "") {
    const auto checked = check_listening({fd, giver});
    return checked ? "" : checked.error().text;
}

TEST(FindInherited, SystemdsVariables) {
    const auto found = find_inherited(
        {"PATH=/bin", "LISTEN_PID=77", "LISTEN_FDS=3", "LISTEN_FDNAMES=web:admin.socket"}, 77);
    ASSERT_TRUE(found) << found.error().text;
    ASSERT_EQ(found->size(), 3U);
    EXPECT_EQ((*found)[0].fd, 3);
    EXPECT_EQ((*found)[0].giver, "from systemd as web");
    EXPECT_EQ((*found)[1].fd, 4);
    EXPECT_EQ((*found)[1].giver, "from systemd as admin.socket");
    EXPECT_EQ((*found)[2].fd, 5);
    EXPECT_EQ((*found)[2].giver, "from systemd");
}

TEST(FindInherited, WhatIsMeantForOthersIsLeftAlone) {
    using Environment = std::vector<std::string>;
    for (const Environment& environment :
         {Environment{}, Environment{"LISTEN_PID=78", "LISTEN_FDS=1"}, Environment{"LISTEN_FDS=1"},
          Environment{"LISTEN_PID=77"}, Environment{"LISTEN_PID=", "LISTEN_FDS=1"},
          Environment{"LISTEN_PID=77", "LISTEN_FDS=0"},
          Environment{"LISTEN_PID=78", "LISTEN_FDS=nonsense"}}) {
        const auto found = find_inherited(environment, 77);
        ASSERT_TRUE(found) << found.error().text;
        EXPECT_TRUE(found->empty());
    }
}

TEST(FindInherited, NonsenseForUsIsTold) {
    for (const char* count :
         {"LISTEN_FDS=", "LISTEN_FDS=x", "LISTEN_FDS=-1", "LISTEN_FDS=9999999", "LISTEN_FDS=1 "}) {
        const auto found = find_inherited({"LISTEN_PID=77", count}, 77);
        ASSERT_FALSE(found) << count;
        EXPECT_THAT(found.error().text, HasSubstr("is no number of sockets"));
    }
}

TEST(FindInherited, VariablesAreForgotten) {
    ::setenv("LISTEN_FDNAMES", "x", 1);
    std::vector<std::string> environment{"LISTEN_PID=1", "LISTEN_FDS=1", "A=b", "LISTEN_FDNAMES=x",
                                         "LISTEN_PORT=1"};
    forget_passing(environment);
    EXPECT_THAT(environment, testing::ElementsAre("A=b", "LISTEN_PORT=1"));
    EXPECT_EQ(::getenv("LISTEN_FDNAMES"), nullptr);
}

TEST(CheckListening, SaysWhatADescriptorIsInstead) {
    const os::Fd good = foreign_listener();
    EXPECT_EQ(fault_of(good.get()), "");
    EXPECT_THAT(fault_of(9999), HasSubstr("descriptor 9999 is not open"));
    EXPECT_THAT(fault_of(2), HasSubstr("where the log goes"));
    const os::Fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_THAT(fault_of(file.get(), "from systemd as web"),
                HasSubstr("(inherited from systemd as web) is no socket"));
    const os::Fd datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_THAT(fault_of(datagrams.get()), HasSubstr("ListenStream"));
    const os::Fd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
    EXPECT_THAT(fault_of(netlink.get()), HasSubstr("ListenStream"));
    const os::Fd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_THAT(fault_of(silent.get()), HasSubstr("does not listen"));
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    const os::Fd one(ends[0]);
    const os::Fd other(ends[1]);
    EXPECT_THAT(fault_of(one.get()), HasSubstr("Accept=no"));
}

TEST(AdoptListener, IsMadeFitAndElseLeftAlone) {
    os::Fd fd = foreign_listener();
    const int number = fd.get();
    const auto listener = adopt_listener(Protocol::scgi, "scgi-socket", {fd.release(), "x"});
    ASSERT_TRUE(listener) << listener.error().text;
    EXPECT_EQ(listener->fd.get(), number);
    EXPECT_TRUE(listener->inherited);
    EXPECT_EQ(listener->giver, "x");
    EXPECT_EQ(listener->path, "");
    EXPECT_EQ(listener->info.fd, number);
    EXPECT_EQ(listener->info.protocol, Protocol::scgi);
    EXPECT_EQ(listener->info.option, "scgi-socket");
    EXPECT_EQ(listener->info.address, "127.0.0.1:" + listener->info.server_port);
    EXPECT_NE(listener->info.server_port, "0");
    EXPECT_NE(::fcntl(number, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(number, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_EQ(flag(number, SOL_SOCKET, SO_REUSEADDR), 0);
    EXPECT_EQ(flag(number, IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST(AdoptListener, StandardInputGetsAnotherNumber) {
    const os::Fd fd = foreign_listener();
    os::SpawnPlan plan;
    plan.descriptors = {{fd.get(), 0}};
    plan.body = [] {
        const auto found = find_inherited({}, 1);
        if (!found || found->size() != 1 || found->front().fd != 0) return 1;
        const auto listener = adopt_listener(Protocol::http, "http", found->front());
        if (!listener || listener->fd.get() < 3 || listener->giver != "as standard input") return 2;
        if (flag(listener->fd.get(), SOL_SOCKET, SO_ACCEPTCONN) != 1) return 3;
        char byte = 0;
        return ::read(0, &byte, 1) == 0 ? 0 : 4;
    };
    const auto child = os::spawn(plan);
    ASSERT_TRUE(child);
    int status = -1;
    ASSERT_EQ(::waitpid(*child, &status, 0), *child);
    EXPECT_EQ(status, 0) << WEXITSTATUS(status);
}

bool matches(int fd, const std::string& text) {
    const auto address = parse_address(text);
    EXPECT_TRUE(address) << text;
    return address && is_bound_to(fd, *address, text);
}

bool is_local(const std::string& address) {
    const auto listener = bind_listener(Protocol::http, "http", address, {});
    EXPECT_TRUE(listener) << address;
    return listener && is_local_only(listener->fd.get());
}

TEST(IsLocalOnly, WhatTheSocketCameToBe) {
    EXPECT_TRUE(is_local("127.0.0.1:0"));
    EXPECT_TRUE(is_local("localhost:0"));
    EXPECT_TRUE(is_local("127.9.9.9:0"));
    EXPECT_TRUE(is_local("@mew-is-local-only"));
    EXPECT_FALSE(is_local("0.0.0.0:0"));
    EXPECT_FALSE(is_local(":0"));
    EXPECT_FALSE(is_local_only(-1));
}

TEST(IsBoundTo, Tcp) {
    const auto listener = bind_listener(Protocol::http, "http", "127.0.0.1:0", {});
    ASSERT_TRUE(listener);
    const std::string port = listener->info.server_port;
    const int fd = listener->fd.get();
    EXPECT_TRUE(matches(fd, "127.0.0.1:" + port));
    EXPECT_TRUE(matches(fd, "localhost:" + port));
    EXPECT_TRUE(matches(fd, "127.*:" + port));
    EXPECT_FALSE(matches(fd, ":" + port));
    EXPECT_FALSE(matches(fd, "[::1]:" + port));
    EXPECT_FALSE(matches(fd, "127.0.0.1:0"));
    EXPECT_FALSE(matches(fd, "127.0.0.2:" + port));
    EXPECT_FALSE(matches(fd, "127.0.0.1:" + std::to_string(std::stoi(port) ^ 1)));
    EXPECT_FALSE(matches(fd, "@x"));
}

TEST(IsBoundTo, AnyOfVersion4IsAlsoThatOfBoth) {
    const auto plain = bind_listener(Protocol::http, "http", ":0", {});
    ASSERT_TRUE(plain);
    EXPECT_TRUE(matches(plain->fd.get(), ":" + plain->info.server_port));
    EXPECT_TRUE(matches(plain->fd.get(), "0.0.0.0:" + plain->info.server_port));
    const auto both = bind_listener(Protocol::http, "http", "[::]:0", {});
    if (!both) return;  // a machine without IPv6 passes no such socket
    EXPECT_TRUE(matches(both->fd.get(), ":" + both->info.server_port));
    EXPECT_TRUE(matches(both->fd.get(), "[::]:" + both->info.server_port));
    EXPECT_FALSE(matches(both->fd.get(), "127.0.0.1:" + both->info.server_port));
    os::Fd only(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ASSERT_EQ(::setsockopt(only.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on), 0);
    ASSERT_EQ(::listen(only.get(), 1), 0);
    const auto name = name_of_socket(only.get());
    ASSERT_TRUE(name);
    EXPECT_EQ(name->text, "[::]:" + std::to_string(name->port));
    EXPECT_TRUE(matches(only.get(), name->text));
    EXPECT_FALSE(matches(only.get(), ":" + std::to_string(name->port)));
}

TEST(IsBoundTo, Unix) {
    char folder[] = "/tmp/mewsgi-net-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    const std::string path = std::string(folder) + "/a.sock";
    os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(fd.get(), 1), 0);
    const auto name = name_of_socket(fd.get());
    ASSERT_TRUE(name);
    EXPECT_EQ(name->text, path);
    EXPECT_TRUE(name->unix_socket);
    EXPECT_TRUE(matches(fd.get(), path));
    EXPECT_TRUE(matches(fd.get(), std::string(folder) + "/../" + (folder + 5) + "/a.sock"));
    EXPECT_FALSE(matches(fd.get(), "/tmp/other.sock"));
    EXPECT_FALSE(matches(fd.get(), "@" + path));
    EXPECT_FALSE(matches(fd.get(), ":80"));
    std::filesystem::remove_all(folder);

    const std::string abstract = "@mewsgi-inherited-" + std::to_string(::getpid());
    const auto listener = bind_listener(Protocol::http, "http", abstract, {});
    ASSERT_TRUE(listener) << listener.error().text;
    EXPECT_TRUE(matches(listener->fd.get(), abstract));
    EXPECT_FALSE(matches(listener->fd.get(), abstract + "x"));
    EXPECT_FALSE(matches(listener->fd.get(), abstract.substr(1)));
}

}  // namespace
}  // namespace mew::net
