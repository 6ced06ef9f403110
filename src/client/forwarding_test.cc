#include "client/forwarding.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/testing/built_head.h"
#include "log/log.h"
#include "os/fd.h"

namespace mew::client {
namespace {

using http::testing::BuiltHead;
using ::testing::HasSubstr;
using ::testing::Not;
using Fields = BuiltHead::Fields;

const std::string kFor = "X-Forwarded-For";
const std::string kProto = "X-Forwarded-Proto";
const std::string kHost = "X-Forwarded-Host";
const std::string kPort = "X-Forwarded-Port";
const std::string kSsl = "X-Forwarded-Ssl";
const std::string kForwarded = "Forwarded";

class ForwardingTest : public ::testing::Test {
protected:
    void SetUp() override {
        log_file.reset(::memfd_create("log", MFD_CLOEXEC));
        log::configure({.fd = log_file.get()});
        trust({"10.0.0.0/8", "fd00::/8"});
    }
    void TearDown() override { log::configure({}); }

    void trust(const std::vector<std::string>& texts) {
        auto proxies = net::TrustedProxies::parse(texts);
        ASSERT_TRUE(proxies) << proxies.error().text;
        settings.trusted_proxies = *proxies;
    }
    std::string log() const {
        std::string text(static_cast<std::size_t>(::lseek(log_file.get(), 0, SEEK_END)), '\0');
        EXPECT_EQ(::pread(log_file.get(), text.data(), text.size(), 0),
                  static_cast<ssize_t>(text.size()));
        return text;
    }
    std::size_t log_lines() const {
        const std::string text = log();
        return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    }

    // "CLIENT|PORT SCHEME HOST SERVER-PORT", each "-" where it is not a proxy's word.
    std::string apply(const Fields& fields, const Forwarding::Peer& peer,
                      std::string_view remote_address = {}) {
        BuiltHead built(fields, remote_address);
        http::RequestHead& head = built.head;
        forwarding.apply(head, peer);
        const auto or_dash = [](bool said, std::string_view text) {
            return said ? std::string(text) : std::string("-");
        };
        return or_dash(!head.client_address().empty(), head.client_address()) + "|" +
               or_dash(!head.client_port().empty(), head.client_port()) + " " +
               or_dash(head.forwarded_scheme || head.https, head.https ? "https" : "http") + " " +
               or_dash(head.forwarded_host, head.authority()) + " " +
               or_dash(!head.server_port().empty(), head.server_port());
    }
    std::string of_proxy(const Fields& fields) { return apply(fields, {"10.0.0.1"}); }
    std::string client_of(const Fields& fields) {
        const std::string all = of_proxy(fields);
        return all.substr(0, all.find(' '));
    }

    Settings settings;
    Forwarding forwarding{settings};
    os::Fd log_file;
};

TEST_F(ForwardingTest, NothingIsSaid) {
    EXPECT_EQ(of_proxy({{"Host", "h"}, {"X-Real-IP", "192.0.2.7"}}), "-|- - - -");
    EXPECT_EQ(log(), "");
}

TEST_F(ForwardingTest, TheClientIsTheRightMostThatIsNotTrusted) {
    struct Row {
        std::string list, client;
    };
    const std::vector<Row> rows = {
        {"192.0.2.7", "192.0.2.7|-"},
        {"192.0.2.7, 10.0.0.2", "192.0.2.7|-"},
        {"192.0.2.7, 10.0.0.3, fd00::2,10.0.0.2", "192.0.2.7|-"},
        {"203.0.113.9, 192.0.2.7", "192.0.2.7|-"},
        {"203.0.113.9, 10.0.0.3, 192.0.2.7, 10.0.0.2", "192.0.2.7|-"},
        {"10.0.0.9, 192.0.2.7", "192.0.2.7|-"},
        {"10.0.0.3, 10.0.0.2", "10.0.0.3|-"},  // all trusted: the left-most
        {"10.0.0.3", "10.0.0.3|-"},
        {"192.0.2.7:4321, 10.0.0.2:80", "192.0.2.7|4321"},
        {"[2001:db8::7]:4321", "2001:db8::7|4321"},
        {"2001:db8::7, [fd00::1]", "2001:db8::7|-"},
        {"::ffff:192.0.2.7, ::ffff:10.0.0.2", "192.0.2.7|-"},
        {", ,", "-|-"},
        {"", "-|-"},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(client_of({{kFor, row.list}}), row.client) << row.list;
    }
    EXPECT_EQ(client_of({{kFor, "203.0.113.9"}, {"Host", "h"}, {kFor, "192.0.2.7"}}),
              "192.0.2.7|-");
    EXPECT_EQ(client_of({{kFor, "192.0.2.7"}, {kFor, "10.0.0.3, 10.0.0.2"}}), "192.0.2.7|-");
    EXPECT_EQ(log(), "");
}

TEST_F(ForwardingTest, WhatIsUnknownOrMalformedEndsTheWalk) {
    for (const std::string end : {"unknown", "Unknown", "_hidden", "evil", "300.0.0.1", "\"", "[",
                                  "192.0.2.7:99999", "fe80::1%lo", "\xff\xff"}) {
        EXPECT_EQ(client_of({{kFor, "192.0.2.7, " + end}}), "-|-") << end;
        EXPECT_EQ(client_of({{kFor, "192.0.2.7, " + end + ", 10.0.0.2"}}), "10.0.0.2|-") << end;
        EXPECT_EQ(client_of({{kFor, end + ", 192.0.2.7"}}), "192.0.2.7|-") << end;
        EXPECT_EQ(client_of({{kForwarded, "for=192.0.2.7, for=" + end}}), "-|-") << end;
    }
}

TEST_F(ForwardingTest, SchemeHostAndPortStandWithTheClient) {
    EXPECT_EQ(
        of_proxy(
            {{kFor, "192.0.2.7"}, {kProto, "https"}, {kHost, "cats.example"}, {kPort, "8443"}}),
        "192.0.2.7|- https cats.example 8443");
    EXPECT_EQ(of_proxy({{kProto, "HTTP"}}), "-|- http - -");
    EXPECT_EQ(of_proxy({{kProto, "wss"}}), "-|- https - -");
    EXPECT_EQ(of_proxy({{kHost, "[2001:db8::1]:8080"}}), "-|- - [2001:db8::1]:8080 -");
    // Lists go in step with that of addresses, and one value stands for all.
    const std::string two = "192.0.2.7, 10.0.0.2";
    EXPECT_EQ(of_proxy({{kFor, two}, {kProto, "https, http"}}), "192.0.2.7|- https - -");
    EXPECT_EQ(of_proxy({{kFor, two}, {kProto, "https"}}), "192.0.2.7|- https - -");
    EXPECT_EQ(of_proxy({{kFor, two}, {kHost, "evil, a.example, b.example"}}),
              "192.0.2.7|- - a.example -");
    EXPECT_EQ(of_proxy({{kFor, "192.0.2.7"}, {kProto, "https, http"}}), "192.0.2.7|- http - -");
    EXPECT_EQ(of_proxy({{kFor, "203.0.113.9, 192.0.2.7"}, {kHost, "evil, a.example"}}),
              "192.0.2.7|- - a.example -");
    EXPECT_EQ(of_proxy({{kProto, "https, http"}}), "-|- http - -");
    EXPECT_EQ(of_proxy({{kFor, two}, {kPort, "1, 443"}, {kPort, "80"}}), "192.0.2.7|- - - 443");
}

TEST_F(ForwardingTest, SslIsASchemeToo) {
    EXPECT_EQ(of_proxy({{kSsl, "on"}}), "-|- https - -");
    EXPECT_EQ(of_proxy({{kSsl, "Off"}}), "-|- http - -");
    EXPECT_EQ(of_proxy({{kSsl, "1"}}), "-|- - - -");
    EXPECT_EQ(of_proxy({{kSsl, "on"}, {kProto, "http"}}), "-|- http - -");
}

TEST_F(ForwardingTest, AProxyCanTakeTheSchemeBack) {
    BuiltHead built({{kProto, "http"}});
    built.head.https = true;  // it came by TLS from the proxy
    forwarding.apply(built.head, {"10.0.0.1"});
    EXPECT_FALSE(built.head.https);
    EXPECT_TRUE(built.head.forwarded_scheme);
}

TEST_F(ForwardingTest, MalformedValuesCountAsNotSaid) {
    for (const std::string host : {"a b", "user@h", "h/x", "h:99999", "[::1", "a%zz", "\""}) {
        EXPECT_EQ(of_proxy({{"Host", "real"}, {kHost, host}}), "-|- - - -") << host;
    }
    for (const std::string scheme : {"on", "https;", "ftp", "1"})
        EXPECT_EQ(of_proxy({{kProto, scheme}}), "-|- - - -") << scheme;
    for (const std::string port : {"0x1", "65536", "-1", "80 80"})
        EXPECT_EQ(of_proxy({{kPort, port}}), "-|- - - -") << port;
    // All else that is said still counts.
    EXPECT_EQ(of_proxy({{kFor, "192.0.2.7"}, {kProto, "gopher"}, {kHost, "cats.example"}}),
              "192.0.2.7|- - cats.example -");
}

TEST_F(ForwardingTest, ForwardedSaysTheSame) {
    EXPECT_EQ(of_proxy({{kForwarded, R"(for="[2001:db8::7]:4321";proto=https;host="h:8443")"}}),
              "2001:db8::7|4321 https h:8443 -");
    EXPECT_EQ(of_proxy({{kForwarded,
                         "for=203.0.113.9;host=evil, for=192.0.2.7;proto=https;host=a,"
                         " for=10.0.0.2;proto=http;host=b"}}),
              "192.0.2.7|- https a -");
    // An element that says less leaves what stands right of it.
    EXPECT_EQ(of_proxy({{kForwarded, "for=192.0.2.7, for=10.0.0.2;proto=https;host=b"}}),
              "192.0.2.7|- https b -");
    EXPECT_EQ(of_proxy({{kForwarded, "for=203.0.113.9, proto=https"}}), "-|- https - -");
    EXPECT_EQ(of_proxy({{kForwarded, "for=203.0.113.9"}, {kForwarded, "for=192.0.2.7"}}),
              "192.0.2.7|- - - -");
    EXPECT_EQ(of_proxy({{kForwarded, "for=unknown;proto=https"}}), "-|- https - -");
    EXPECT_EQ(log(), "");
}

TEST_F(ForwardingTest, NothingOnTheLeftChangesWhatProxiesSay) {
    const std::string proxies = "for=192.0.2.7;proto=https;host=h, for=10.0.0.2";
    const std::string said = of_proxy({{kForwarded, proxies}});
    ASSERT_EQ(said, "192.0.2.7|- https h -");
    for (const std::string left : {R"(")", R"(for=")", R"(for="a)", R"(for="\)", "for=10.0.0.3;",
                                   "for=10.0.0.3;proto=http;host=evil", "=", "\xff"}) {
        EXPECT_EQ(of_proxy({{kForwarded, std::string(left).append(", ").append(proxies)}}), said)
            << left;
        EXPECT_EQ(of_proxy({{kForwarded, left}, {kForwarded, proxies}}), said) << left;
    }
}

// Behind a proxy that writes X-Forwarded-For, a Forwarded is the client's own.
TEST_F(ForwardingTest, XForwardedCountsWhereBothAreThere) {
    const std::string forged = "for=203.0.113.9;proto=https;host=evil";
    EXPECT_EQ(of_proxy({{kForwarded, forged}, {kFor, "192.0.2.7"}}), "192.0.2.7|- - - -");
    EXPECT_EQ(of_proxy({{kProto, "http"}, {kForwarded, forged}}), "-|- http - -");
}

TEST_F(ForwardingTest, NothingIsTakenFromOthers) {
    const Fields all = {{kFor, "192.0.2.7"}, {kProto, "https"},
                        {kHost, "evil"},     {kPort, "1"},
                        {kSsl, "on"},        {kForwarded, "for=203.0.113.9;proto=https;host=evil"}};
    for (const std::string_view peer : {"127.0.0.1", "::1", "192.0.2.1", "11.0.0.1"}) {
        EXPECT_EQ(apply(all, {peer}), "-|- - - -") << peer;
    }
    trust({});
    EXPECT_EQ(apply(all, {"10.0.0.1"}), "-|- - - -");
    trust({"unix"});
    EXPECT_EQ(apply(all, {"10.0.0.1"}), "-|- - - -");
}

TEST_F(ForwardingTest, UnixPeersAreBelievedForTheScheme) {
    const Fields all = {{kFor, "192.0.2.7"}, {kProto, "https, http"}, {kHost, "evil"}};
    EXPECT_EQ(apply(all, {""}), "-|- https - -");
    EXPECT_EQ(apply({{kSsl, "on"}}, {""}), "-|- https - -");
    EXPECT_EQ(apply({{kForwarded, "proto=https"}}, {""}), "-|- - - -");
    trust({"unix"});
    EXPECT_EQ(apply(all, {""}), "192.0.2.7|- http evil -");
}

TEST_F(ForwardingTest, EverybodyWhoConnectsButNotWhomTheyName) {
    trust({"*"});
    EXPECT_EQ(apply({{kFor, "203.0.113.9, 192.0.2.7"}}, {"198.51.100.1"}), "192.0.2.7|- - - -");
    EXPECT_EQ(apply({{kFor, "203.0.113.9, 192.0.2.7"}}, {""}), "192.0.2.7|- - - -");
}

TEST_F(ForwardingTest, GatewaysSayWhoConnectedToThem) {
    const Fields fields = {{kFor, "192.0.2.7"}, {kProto, "https"}, {kHost, "evil"}};
    // Not listed: their variables and their scheme.
    EXPECT_EQ(apply(fields, {"192.0.2.1", true}, "198.51.100.1"), "198.51.100.1|- https - -");
    EXPECT_EQ(apply(fields, {"", true}, "10.0.0.5"), "10.0.0.5|- https - -");
    EXPECT_EQ(log(), "");
    // Listed: one hop more, which has to be trusted too.
    EXPECT_EQ(apply(fields, {"10.0.0.1", true}, "198.51.100.1"), "198.51.100.1|- https - -");
    EXPECT_EQ(apply(fields, {"10.0.0.1", true}, "10.0.0.5"), "192.0.2.7|- https evil -");
    EXPECT_EQ(apply(fields, {"10.0.0.1", true}), "192.0.2.7|- https evil -");
    trust({"unix", "10.0.0.5"});
    EXPECT_EQ(apply(fields, {"", true}, "10.0.0.5"), "192.0.2.7|- https evil -");
    EXPECT_EQ(apply({{kFor, "unknown"}}, {"", true}, "10.0.0.5"), "10.0.0.5|- - - -");
}

TEST_F(ForwardingTest, TheSchemeFromAnyoneIsAnOption) {
    settings.forwarded_proto_from_anyone = true;
    EXPECT_EQ(apply({{kFor, "192.0.2.7"}, {kProto, "https"}, {kHost, "evil"}}, {"192.0.2.1"}),
              "-|- https - -");
    EXPECT_EQ(apply({{kProto, "http"}}, {"192.0.2.1"}), "-|- - - -");
    // Those who are listed are still held to the rule.
    EXPECT_EQ(apply({{kFor, "192.0.2.7"}, {kProto, "https, http"}}, {"10.0.0.1"}),
              "192.0.2.7|- http - -");
}

TEST_F(ForwardingTest, TheFirstIgnoredOneOfAnAddressIsLogged) {
    for (int i = 0; i < 3; ++i) (void)apply({{"x-forwarded-FOR", "192.0.2.7"}}, {"192.0.2.1"});
    EXPECT_THAT(log(), HasSubstr("ignored x-forwarded-FOR from 192.0.2.1, which is not in "
                                 "trusted-proxies; if that is a proxy of yours, add "
                                 "trusted-proxies = 192.0.2.1\n"));
    EXPECT_EQ(log_lines(), 1U);
    (void)apply({{kProto, "https"}}, {"192.0.2.2"});
    EXPECT_THAT(log(), HasSubstr("ignored X-Forwarded-Proto from 192.0.2.2,"));
    (void)apply({{kProto, "https"}}, {""});  // that one counts
    EXPECT_EQ(log_lines(), 2U);
    (void)apply({{kProto, "https"}, {kForwarded, "for=1.2.3.4"}}, {""});
    EXPECT_THAT(log(), HasSubstr("ignored Forwarded from a UNIX socket, which is not in "
                                 "trusted-proxies; if that is a proxy of yours, add "
                                 "trusted-proxies = unix\n"));
    // Of a listed gateway's client, which may be a proxy as well.
    (void)apply({{kFor, "192.0.2.7"}}, {"10.0.0.1", true}, "198.51.100.1");
    EXPECT_THAT(log(), HasSubstr("add trusted-proxies = 198.51.100.1\n"));
    EXPECT_EQ(log_lines(), 4U);
}

TEST_F(ForwardingTest, AddressesThatAreLoggedAreBounded) {
    for (int i = 0; i < 500; ++i)
        (void)apply({{kFor, "192.0.2.7"}}, {"192.0.3." + std::to_string(i)});
    EXPECT_EQ(log_lines(), ToldAddresses::kMost);
    EXPECT_THAT(log(), HasSubstr("192.0.3.63 (further addresses are not logged)\n"));
    EXPECT_THAT(log(), Not(HasSubstr("192.0.3.64")));
}

TEST_F(ForwardingTest, TheFirstMalformedOneOfAProxyIsLogged) {
    (void)of_proxy({{kHost, "a b"}});
    (void)of_proxy({{kProto, "gopher"}});
    EXPECT_THAT(log(), HasSubstr("warning"));
    EXPECT_THAT(log(), HasSubstr("ignored what 10.0.0.1, a trusted proxy, says of a client: \"a "
                                 "b\" is not a host\n"));
    EXPECT_EQ(log_lines(), 1U);
    (void)apply({{kFor, std::string(5000, 'x')}}, {"10.0.0.2"});
    EXPECT_THAT(log(), HasSubstr("x\" is not an address\n"));
    (void)apply({{kForwarded, "for=1.2.3.4, for"}}, {"10.0.0.3"});
    EXPECT_THAT(log(), HasSubstr("\"for\" is not an address\n"));
    (void)apply({{kPort, "x"}}, {"10.0.0.4"});
    EXPECT_THAT(log(), HasSubstr("\"x\" is not a port\n"));
    (void)apply({{kProto, "x"}}, {"10.0.0.5"});
    EXPECT_THAT(log(), HasSubstr("\"x\" is not a scheme\n"));
    EXPECT_LT(log().size(), 1500U);
}

}  // namespace
}  // namespace mew::client
