#include "python/connections.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/fd.h"

namespace mew::python {
namespace {

std::vector<std::string> peers() {
    std::vector<std::string> names;
    for (const Connection& one : list_connections()) names.push_back(one.peer);
    return names;
}

TEST(Connections, ListenersAndPlainSocketsAreNone) {
    const std::vector<std::string> before = peers();
    const os::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(0, ::listen(listener.get(), 1));
    const os::Fd idle(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(before, peers());
}

TEST(Connections, ConnectedSocketNamesItsPeer) {
    const os::Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(0, ::bind(listener.get(), generic, size));
    ASSERT_EQ(0, ::listen(listener.get(), 1));
    ASSERT_EQ(0, ::getsockname(listener.get(), generic, &size));
    const os::Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(0, ::connect(client.get(), generic, size));

    std::string shown;
    for (const Connection& one : list_connections())
        if (one.fd == client.get()) shown = one.peer;
    EXPECT_EQ("127.0.0.1:" + std::to_string(ntohs(address.sin_port)), shown);
}

TEST(Connections, PairOfOurOwnIsNobodyElse) {
    const std::vector<std::string> before = peers();
    int ends[2];
    ASSERT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
    const os::Fd one(ends[0]);
    const os::Fd two(ends[1]);
    EXPECT_EQ(before, peers());
}

TEST(Connections, PairOfAnotherProcessIsSomebodyElse) {
    int ends[2];
    ASSERT_EQ(0, ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    const os::Fd ours(ends[0]);
    const os::Fd theirs(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) {
        bool seen = false;
        for (const Connection& other : list_connections()) seen |= other.fd == ours.get();
        ::_exit(seen ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(child, ::waitpid(child, &status, 0));
    EXPECT_EQ(0, status);
}

}  // namespace
}  // namespace mew::python
