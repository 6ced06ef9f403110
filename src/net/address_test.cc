#include "net/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::net {
namespace {

using testing::HasSubstr;
using Kind = Address::Kind;

void expect(const std::string& text, Kind kind, const std::string& host, int port, int number = 0) {
    const auto address = parse_address(text);
    ASSERT_TRUE(address) << text << ": " << address.error().text;
    EXPECT_EQ(address->kind, kind) << text;
    EXPECT_EQ(address->host, host) << text;
    EXPECT_EQ(address->port, port) << text;
    EXPECT_EQ(address->number, number) << text;
}

TEST(ParseAddress, EveryForm) {
    expect(":8000", Kind::ipv4, "", 8000);
    expect("127.0.0.1:8000", Kind::ipv4, "127.0.0.1", 8000);
    expect("localhost:80", Kind::ipv4, "localhost", 80);
    expect("localhost:", Kind::ipv4, "localhost", 0);
    expect(":0", Kind::ipv4, "", 0);
    expect(":65535", Kind::ipv4, "", 65535);
    expect("[::1]:8000", Kind::ipv6, "::1", 8000);
    expect("[::]:0", Kind::ipv6, "::", 0);
    expect("[fe80::1%eth0]:80", Kind::ipv6, "fe80::1%eth0", 80);
    expect("[::1]", Kind::ipv6, "::1", 0);
    expect("/run/app.sock", Kind::unix_path, "/run/app.sock", 0);
    expect("/run/a:1", Kind::unix_path, "/run/a:1", 0);
    expect("run/app.sock", Kind::unix_path, "run/app.sock", 0);
    expect("app.sock", Kind::unix_path, "app.sock", 0);
    expect("./8000", Kind::unix_path, "./8000", 0);
    expect("@cats", Kind::unix_abstract, "cats", 0);
    expect("@cats:1", Kind::unix_abstract, "cats:1", 0);
    expect("@a*b", Kind::unix_abstract, "a*b", 0);
    expect("run/a*b", Kind::unix_path, "run/a*b", 0);
    expect("*:80", Kind::ipv4, "", 80);
    expect("192.168.*:8000", Kind::ipv4_pattern, "192.168.", 8000);
    expect("10*:0", Kind::ipv4_pattern, "10", 0);
    expect("fd://0", Kind::descriptor, "", 0, 0);
    expect("fd://17", Kind::descriptor, "", 0, 17);
    expect("::", Kind::descriptor, "", 0, 0);
    expect("=0", Kind::shared, "", 0, 0);
    expect("=12", Kind::shared, "", 0, 12);
}

TEST(ParseAddress, MistakesSayWhatToWrite) {
    struct Row {
        std::string text;
        std::string says;
    };
    const Row rows[] = {
        {"", "an address is needed, as in :8000"},
        {"8000", "write :8000 for a TCP port"},
        {":80000", "from 0 to 65535"},
        {":-1", "from 0 to 65535"},
        {":+1", "from 0 to 65535"},
        {":8000x", "'8000x'"},
        {": 8000", "from 0 to 65535"},
        {"localhost:http", "'http'"},
        {"::1:8000", "brackets"},
        {"[::1:8000", "[::1]:8000"},
        {"[::1]8000", "[::1]:8000"},
        {"http://localhost:8000", "no scheme: localhost:8000"},
        {"unix:///run/a", "no scheme"},
        {":8443,crt,key", "certificates"},
        {":8443,/etc/crt,/etc/key", "certificates"},
        {"fd://", "write it as fd://3"},
        {"fd://x", "write it as fd://3"},
        {"fd://-1", "write it as fd://3"},
        {"fd://99999999999", "write it as fd://3"},
        {"=", "write it as =0"},
        {"=a", "write it as =0"},
        {"192.*.1:8000", "write it as 192.168.*:8000"},
        {"eth*:8000", "write it as 192.168.*:8000"},
        {"*.1:8000", "write it as 192.168.*:8000"},
        {"fe80::", "brackets"},
        {" localhost:80", "blank"},
        {"@", "needs a name"},
        {"/run/", "is a folder"},
        {"/" + std::string(107, 'x'), "has 108 bytes; at most 107"},
        {"@" + std::string(108, 'x'), "at most 107"},
    };
    for (const Row& row : rows) {
        const auto address = parse_address(row.text);
        ASSERT_FALSE(address) << row.text;
        EXPECT_THAT(address.error().text, HasSubstr(row.says));
    }
    EXPECT_TRUE(parse_address("/" + std::string(106, 'x')));
    EXPECT_FALSE(parse_address(std::string("/a\0b", 4)));
}

}  // namespace
}  // namespace mew::net
