#include "client/proxy_header.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "log/log.h"
#include "os/fd.h"

namespace mew::client {
namespace {

using ::testing::HasSubstr;
using Outcome = net::ProxyHeader::Outcome;

PeerText peer_of(const char* address, std::uint16_t port) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_port = htons(port);
    EXPECT_EQ(::inet_pton(AF_INET, address, &from.sin_addr), 1);
    sockaddr_storage storage{};
    std::memcpy(&storage, &from, sizeof from);
    return PeerText(storage);
}

class ProxyHeaderTest : public ::testing::Test {
protected:
    void SetUp() override {
        log_file.reset(::memfd_create("log", MFD_CLOEXEC));
        log::configure({.fd = log_file.get()});
        settings.trusted_proxies = *net::TrustedProxies::parse({"10.0.0.0/8"});
    }
    void TearDown() override { log::configure({}); }

    std::string log() const {
        std::string text(static_cast<std::size_t>(::lseek(log_file.get(), 0, SEEK_END)), '\0');
        EXPECT_EQ(::pread(log_file.get(), text.data(), text.size(), 0),
                  static_cast<ssize_t>(text.size()));
        return text;
    }
    Outcome take(std::string_view bytes) {
        rest = bytes;
        return take_proxy_header(rest, peer, settings, refusals, now);
    }

    Settings settings;
    RefusalLog refusals;
    base::MonotonicTime now{std::chrono::hours(1)};
    PeerText peer = peer_of("10.0.0.1", 99);
    std::string_view rest;
    os::Fd log_file;
};

TEST_F(ProxyHeaderTest, TheClientTakesThePeersPlace) {
    EXPECT_EQ(take("PROXY TCP4 192.0.2.7 10.0.0.1 4321 443\r\nGET /"), Outcome::done);
    EXPECT_EQ(rest, "GET /");
    EXPECT_EQ(peer.address(), "192.0.2.7");
    EXPECT_EQ(peer.port(), "4321");
    EXPECT_EQ(log(), "");
}

TEST_F(ProxyHeaderTest, AMappedAddressIsIpv4) {
    EXPECT_EQ(take("PROXY TCP6 ::ffff:192.0.2.7 ::1 4321 443\r\n"), Outcome::done);
    EXPECT_EQ(peer.address(), "192.0.2.7");
}

TEST_F(ProxyHeaderTest, TheBalancersOwnConnectionStaysItsOwn) {
    EXPECT_EQ(take("PROXY UNKNOWN\r\nGET /"), Outcome::done);
    EXPECT_EQ(rest, "GET /");
    EXPECT_EQ(peer.address(), "10.0.0.1");
    EXPECT_EQ(peer.port(), "99");
}

TEST_F(ProxyHeaderTest, MoreIsAwaited) {
    EXPECT_EQ(take("PROXY TCP4 192.0.2.7"), Outcome::more);
    EXPECT_EQ(rest, "PROXY TCP4 192.0.2.7");
    EXPECT_EQ(peer.address(), "10.0.0.1");
}

TEST_F(ProxyHeaderTest, WhatIsNoneIsRefused) {
    EXPECT_EQ(take("GET / HTTP/1.1\r\n"), Outcome::refused);
    EXPECT_EQ(peer.address(), "10.0.0.1");
    EXPECT_THAT(log(),
                HasSubstr("closed a connection from 10.0.0.1: it does not begin with a PROXY "
                          "header\n"));
}

TEST_F(ProxyHeaderTest, OthersMaySendNone) {
    constexpr std::string_view kHeader = "PROXY TCP4 192.0.2.7 10.0.0.1 4321 443\r\n";
    peer = peer_of("192.0.2.1", 99);
    EXPECT_EQ(take(kHeader), Outcome::refused);
    EXPECT_EQ(peer.address(), "192.0.2.1");
    EXPECT_THAT(log(), HasSubstr("closed a connection from 192.0.2.1: it is not in "
                                 "trusted-proxies, so it may send no PROXY header; if that is a "
                                 "balancer of yours, add trusted-proxies = 192.0.2.1\n"));
    peer = PeerText();
    EXPECT_EQ(take(kHeader), Outcome::refused);
    EXPECT_THAT(log(), HasSubstr("from a UNIX socket: it is not"));
    EXPECT_THAT(log(), HasSubstr("add trusted-proxies = unix\n"));
    settings.trusted_proxies = *net::TrustedProxies::parse({"unix"});
    EXPECT_EQ(take(kHeader), Outcome::done);
    EXPECT_EQ(peer.address(), "192.0.2.7");
}

TEST_F(ProxyHeaderTest, LinesOfTheLogAreBounded) {
    for (int i = 0; i < 500; ++i) (void)take("GET ");
    const std::string text = log();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), RefusalLog::kLinesPerSecond);
    now += std::chrono::seconds(2);
    (void)take("GET ");
    EXPECT_THAT(log(), HasSubstr("490 more requests were refused within a second"));
}

TEST(ProxyHeaders, AreExpectedWhereTheOptionIsOn) {
    Settings settings;
    using net::Protocol;
    for (const auto& [option, protocol] :
         {std::pair("http", Protocol::http), std::pair("http-socket", Protocol::http),
          std::pair("socket", Protocol::http), std::pair("socket", Protocol::uwsgi)}) {
        settings.listeners.push_back({.protocol = protocol, .option = option});
    }
    const auto expected = [&] {
        std::string all;
        for (std::uint32_t i = 0; i < 4; ++i) all += settings.expects_proxy_header(i) ? '1' : '0';
        return all;
    };
    EXPECT_EQ(expected(), "0000");
    settings.http_proxy_headers = true;
    EXPECT_EQ(expected(), "1000");
    settings.socket_proxy_headers = true;
    EXPECT_EQ(expected(), "1110");
    settings.http_proxy_headers = false;
    EXPECT_EQ(expected(), "0110");
}

}  // namespace
}  // namespace mew::client
