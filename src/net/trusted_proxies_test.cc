#include "net/trusted_proxies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::net {
namespace {

using ::testing::HasSubstr;

TrustedProxies proxies(const std::vector<std::string>& texts) {
    auto parsed = TrustedProxies::parse(texts);
    EXPECT_TRUE(parsed) << parsed.error().text;
    return parsed ? *parsed : TrustedProxies();
}

std::string fault(const std::string& text) {
    const auto parsed = TrustedProxies::parse({text});
    EXPECT_FALSE(parsed) << text;
    return parsed ? "" : parsed.error().text;
}

TEST(TrustedProxies, AreNobodyByDefault) {
    const TrustedProxies nobody;
    EXPECT_TRUE(nobody.empty());
    for (const char* address : {"127.0.0.1", "::1", "10.0.0.7", ""}) {
        EXPECT_FALSE(nobody.trusts_peer(address)) << address;
        EXPECT_FALSE(nobody.trusts(address)) << address;
    }
    EXPECT_TRUE(proxies({}).empty());
    EXPECT_TRUE(proxies({"", " , "}).empty());
}

TEST(TrustedProxies, AreAddressesAndNetworks) {
    struct Row {
        std::string text;
        std::vector<std::string> in, out;
    };
    const std::vector<Row> rows = {
        {"10.0.0.7", {"10.0.0.7", "::ffff:10.0.0.7"}, {"10.0.0.8", "10.0.0.6", "110.0.0.7", "::1"}},
        {"10.0.0.0/8", {"10.0.0.0", "10.255.255.255"}, {"9.255.255.255", "11.0.0.0", "a00::"}},
        {"172.16.0.0/12", {"172.16.0.0", "172.31.255.255"}, {"172.15.255.255", "172.32.0.0"}},
        {"192.0.2.128/25", {"192.0.2.128", "192.0.2.255"}, {"192.0.2.127", "192.0.3.128"}},
        {"192.0.2.7/32", {"192.0.2.7"}, {"192.0.2.6"}},
        {"0.0.0.0/0", {"0.0.0.0", "255.255.255.255"}, {"::", "::1"}},
        {"2001:db8::7", {"2001:db8::7", "2001:DB8:0:0::7"}, {"2001:db8::8", "7.0.0.0"}},
        {"fd00::/8", {"fd00::", "fdff::1"}, {"fc00::", "fe00::"}},
        {"2001:db8::/33", {"2001:db8:7fff::"}, {"2001:db8:8000::", "2001:db9::"}},
        {"::/0", {"::1", "ffff::"}, {"127.0.0.1"}},
        {"::ffff:10.0.0.0/104", {"10.1.2.3"}, {"11.0.0.0"}},
        {"::ffff:10.0.0.7", {"10.0.0.7"}, {"10.0.0.8"}},
    };
    for (const Row& row : rows) {
        const TrustedProxies trusted = proxies({row.text});
        EXPECT_FALSE(trusted.empty());
        for (const auto& address : row.in) {
            EXPECT_TRUE(trusted.trusts(address)) << row.text << " " << address;
            EXPECT_TRUE(trusted.trusts_peer(address)) << row.text << " " << address;
        }
        for (const auto& address : row.out) {
            EXPECT_FALSE(trusted.trusts(address)) << row.text << " " << address;
            EXPECT_FALSE(trusted.trusts_peer(address)) << row.text << " " << address;
        }
        EXPECT_FALSE(trusted.trusts_peer("")) << row.text;
    }
}

TEST(TrustedProxies, WhatIsNoAddressIsNotTrusted) {
    const TrustedProxies trusted = proxies({"0.0.0.0/0", "::/0", "unix", "*"});
    const std::string with_nul("10.0.0.7\0", 9);
    for (const std::string& text :
         {std::string("unknown"), std::string("10.0.0"), std::string("10.0.0.7:80"),
          std::string("[::1]"), std::string("fe80::1%eth0"), std::string("unix"), std::string("*"),
          std::string(""), std::string(60, '1'), with_nul}) {
        EXPECT_FALSE(trusted.trusts(text)) << text;
    }
}

TEST(TrustedProxies, UnixIsForPeersOnly) {
    const TrustedProxies trusted = proxies({"unix"});
    EXPECT_TRUE(trusted.trusts_peer(""));
    EXPECT_FALSE(trusted.trusts_peer("127.0.0.1"));
    EXPECT_FALSE(trusted.trusts(""));
    EXPECT_FALSE(trusted.empty());
}

// Whoever connects is a proxy; whom it names is a client, or the header could name anybody.
TEST(TrustedProxies, EverybodyConnectsButIsNotNamed) {
    const TrustedProxies trusted = proxies({"*", "10.0.0.0/8"});
    EXPECT_TRUE(trusted.everybody());
    for (const char* address : {"", "192.0.2.7", "::1"}) {
        EXPECT_TRUE(trusted.trusts_peer(address)) << address;
        EXPECT_FALSE(trusted.trusts(address)) << address;
    }
    EXPECT_TRUE(trusted.trusts("10.0.0.7"));
    EXPECT_FALSE(proxies({"10.0.0.7"}).everybody());
}

TEST(TrustedProxies, AreGivenOneByOneOrInALine) {
    for (const auto& texts :
         std::vector<std::vector<std::string>>{{"10.0.0.7", "unix", "fd00::/8"},
                                               {"10.0.0.7,unix,fd00::/8"},
                                               {" 10.0.0.7 ,\tunix  fd00::/8,, "},
                                               {"10.0.0.7 unix", "fd00::/8"}}) {
        const TrustedProxies trusted = proxies(texts);
        EXPECT_TRUE(trusted.trusts_peer("10.0.0.7"));
        EXPECT_TRUE(trusted.trusts_peer(""));
        EXPECT_TRUE(trusted.trusts_peer("fd00::1"));
        EXPECT_FALSE(trusted.trusts_peer("10.0.0.8"));
    }
}

TEST(TrustedProxies, MistakesSayWhatToWrite) {
    for (const std::string text : {"localhost", "10.0.0", "10.0.0.7:80", "[::1]", "UNIX", "10.*",
                                   "all", "/8", "10.0.0.0-10.0.0.9", "::1%lo"}) {
        EXPECT_THAT(fault(text), HasSubstr(text + ": write an address (10.0.0.7")) << text;
    }
    for (const std::string text : {"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8x",
                                   "10.0.0.0/255.0.0.0", "10.0.0.0/ff"}) {
        EXPECT_THAT(fault(text), HasSubstr("a number from 0 to 32, as in 10.0.0.0/24")) << text;
    }
    EXPECT_THAT(fault("fd00::/129"), HasSubstr("a number from 0 to 128"));
    EXPECT_THAT(fault("::ffff:10.0.0.0/8"), HasSubstr("a number from 96 to 128"));
    EXPECT_EQ(fault("10.0.0.7/8"),
              "10.0.0.7/8: write 10.0.0.7 for the one address, or 10.0.0.0/8 for the network");
    EXPECT_THAT(fault("172.31.0.0/12"), HasSubstr("or 172.16.0.0/12 for the network"));
    EXPECT_THAT(fault("fd00::1/8"), HasSubstr("write fd00::1 for the one address, or fd00::/8"));
    EXPECT_THAT(fault("::ffff:10.0.0.7/104"), HasSubstr("or 10.0.0.0/8 for the network"));
    EXPECT_THAT(fault("unix, 10.0.0"), HasSubstr("10.0.0: write"));
    EXPECT_THAT(fault("\x1b[31m\xff"), HasSubstr("?[31m?: write"));
    EXPECT_LT(fault(std::string(5000, 'x')).size(), 300U);
}

}  // namespace
}  // namespace mew::net
