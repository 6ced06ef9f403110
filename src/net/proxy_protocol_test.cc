#include "net/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::net {
namespace {

using ::testing::HasSubstr;
using Outcome = ProxyHeader::Outcome;

constexpr std::string_view kNext = "GET / HTTP/1.1\r\n";

// "127.0.0.1 80", "::1 80", or "own": the connection's own address counts.
std::string source_of(const ProxyHeader& header) {
    if (!header.has_source) return "own";
    char text[INET6_ADDRSTRLEN] = "";
    in_port_t port = 0;
    if (header.source.ss_family == AF_INET) {
        sockaddr_in source{};
        std::memcpy(&source, &header.source, sizeof source);
        ::inet_ntop(AF_INET, &source.sin_addr, text, sizeof text);
        port = source.sin_port;
    } else {
        sockaddr_in6 source{};
        std::memcpy(&source, &header.source, sizeof source);
        ::inet_ntop(AF_INET6, &source.sin6_addr, text, sizeof text);
        port = source.sin6_port;
    }
    return std::string(text) + " " + std::to_string(ntohs(port));
}

std::string show(const ProxyHeader& header) {
    if (header.outcome == Outcome::more) return "more";
    if (header.outcome == Outcome::refused) return "refused: " + std::string(header.fault);
    return source_of(header) + ", " + std::to_string(header.size) + " bytes";
}

// Whole, and grown byte by byte: nothing is decided too early, and never otherwise.
std::string parse(const std::string& bytes) {
    const std::string whole = show(parse_proxy_header(bytes));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const std::string part = show(parse_proxy_header(bytes.substr(0, size)));
        EXPECT_TRUE(part == "more" || part == whole)
            << part << " after " << size << " bytes, then " << whole;
        if (part != "more") break;
    }
    return whole;
}

// A header that must be done with exactly its own bytes, whatever follows.
std::string parse_header(const std::string& header) {
    const std::string alone = parse(header);
    EXPECT_EQ(parse(header + std::string(kNext)), alone);
    EXPECT_EQ(parse(header.substr(0, header.size() - 1)), "more") << alone;
    const std::string size = ", " + std::to_string(header.size()) + " bytes";
    EXPECT_THAT(alone, HasSubstr(size));
    return alone.substr(0, alone.size() - std::min(alone.size(), size.size()));
}

std::string binary(unsigned char command, unsigned char family, const std::string& rest) {
    std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
    header += static_cast<char>(command);
    header += static_cast<char>(family);
    header += static_cast<char>(rest.size() >> 8);
    header += static_cast<char>(rest.size() & 255);
    return header + rest;
}

// 192.0.2.7 port 4321, to 10.0.0.1 port 443.
const std::string kIpv4("\xc0\x00\x02\x07\x0a\x00\x00\x01\x10\xe1\x01\xbb", 12);
const std::string kIpv6(
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x07"
    "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x10\xe1\x01\xbb",
    36);

std::string extension(unsigned char type, const std::string& value) {
    std::string bytes(1, static_cast<char>(type));
    bytes += static_cast<char>(value.size() >> 8);
    bytes += static_cast<char>(value.size() & 255);
    return bytes + value;
}

TEST(ProxyText, NamesTheSource) {
    EXPECT_EQ(parse_header("PROXY TCP4 192.0.2.7 10.0.0.1 4321 443\r\n"), "192.0.2.7 4321");
    EXPECT_EQ(parse_header("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n"),
              "255.255.255.255 65535");
    EXPECT_EQ(parse_header("PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n"), "0.0.0.0 0");
    EXPECT_EQ(parse_header("PROXY TCP6 2001:db8::7 2001:db8::1 4321 443\r\n"), "2001:db8::7 4321");
    EXPECT_EQ(parse_header("PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2\r\n"), "::ffff:192.0.2.7 1");
}

TEST(ProxyText, UnknownKeepsTheConnectionsOwn) {
    EXPECT_EQ(parse_header("PROXY UNKNOWN\r\n"), "own");
    EXPECT_EQ(parse_header("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"), "own");
    EXPECT_EQ(parse_header("PROXY UNKNOWN whatever  this is\r\n"), "own");
}

TEST(ProxyText, IsNoLongerThanItsLongest) {
    const std::string fits = "PROXY UNKNOWN " + std::string(107 - 16, 'x') + "\r\n";
    ASSERT_EQ(fits.size(), 107U);
    EXPECT_EQ(parse_header(fits), "own");
    EXPECT_THAT(parse("PROXY UNKNOWN " + std::string(107 - 15, 'x') + "\r\n"), HasSubstr("longer"));
    EXPECT_THAT(parse("PROXY UNKNOWN " + std::string(500, 'x')), HasSubstr("longer"));
}

TEST(ProxyText, IsRefusedWhereItIsMalformed) {
    struct Row {
        std::string line;
        std::string fault;
    };
    const std::vector<Row> rows = {
        {"PROXY TCP4 192.0.2.7 10.0.0.1 4321 443\n", "CR LF"},
        {"PROXY \n", "CR LF"},
        {"PROXY \r\n", "none of TCP4"},
        {"PROXY  TCP4 192.0.2.7 10.0.0.1 4321 443\r\n", "none of TCP4"},
        {"PROXY UDP4 192.0.2.7 10.0.0.1 4321 443\r\n", "none of TCP4"},
        {"PROXY tcp4 192.0.2.7 10.0.0.1 4321 443\r\n", "none of TCP4"},
        {"PROXY UNKNOWNS\r\n", "none of TCP4"},
        {"PROXY TCP4\r\n", "two addresses"},
        {"PROXY TCP4 192.0.2.7 10.0.0.1 4321\r\n", "two addresses"},
        {"PROXY TCP4 192.0.2.7 10.0.0.1 4321 443 \r\n", "two addresses"},
        {"PROXY TCP4 192.0.2.7  10.0.0.1 4321 443\r\n", "two addresses"},
        {"PROXY TCP4 192.0.2 10.0.0.1 4321 443\r\n", "an address"},
        {"PROXY TCP4 192.0.2.256 10.0.0.1 4321 443\r\n", "an address"},
        {"PROXY TCP4 192.0.2.7 10.0.0 4321 443\r\n", "an address"},
        {"PROXY TCP4 ::1 ::1 4321 443\r\n", "an address"},
        {"PROXY TCP6 192.0.2.7 10.0.0.1 4321 443\r\n", "an address"},
        {"PROXY TCP6 fe80::1%eth0 ::1 4321 443\r\n", "an address"},
        {"PROXY TCP4 localhost 10.0.0.1 4321 443\r\n", "an address"},
        {"PROXY TCP4 192.0.2.7 10.0.0.1 65536 443\r\n", "a port"},
        {"PROXY TCP4 192.0.2.7 10.0.0.1 4321 65536\r\n", "a port"},
        {"PROXY TCP4 192.0.2.7 10.0.0.1 0123 443\r\n", "a port"},
        {"PROXY TCP4 192.0.2.7 10.0.0.1 +123 443\r\n", "a port"},
        {"PROXY TCP4 192.0.2.7 10.0.0.1 4321 \r\n", "a port"},
        {"PROXY TCP4 192.0.2.7 10.0.0.1 4321 443\r\r\n", "a port"},
    };
    for (const Row& row : rows) {
        EXPECT_THAT(parse(row.line), HasSubstr("refused: ")) << row.line;
        EXPECT_THAT(parse(row.line), HasSubstr(row.fault)) << row.line;
    }
    EXPECT_THAT(parse("PROXY TCP4 192.0.2.7" + std::string(1, '\0') + " 10.0.0.1 1 2\r\n"),
                HasSubstr("an address"));
}

TEST(ProxyHeader, IsMissing) {
    for (const char* bytes : {"GET / HTTP/1.1\r\n\r\n", "P", "PR", "PROXY", "PROXYX", "PROXY\r\n",
                              "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n", "\r\nGET / HTTP/1.1\r\n", "\r",
                              "\x16\x03\x01", "PUT / HTTP/1.1\r\n"}) {
        const std::string text(bytes);
        const bool may_become_one = std::string_view("PROXY ").starts_with(text) || text == "\r";
        EXPECT_EQ(parse(text),
                  may_become_one ? "more" : "refused: it does not begin with a PROXY header")
            << text;
    }
    EXPECT_EQ(parse(""), "more");
    EXPECT_THAT(parse(std::string("\r\n\r\n\0\r\nQUIT\r", 12)), HasSubstr("does not begin"));
}

TEST(ProxyBinary, NamesTheSource) {
    EXPECT_EQ(parse_header(binary(0x21, 0x11, kIpv4)), "192.0.2.7 4321");
    EXPECT_EQ(parse_header(binary(0x21, 0x21, kIpv6)), "2001:db8::7 4321");
    const std::string more = extension(0x02, "example.org") + extension(0x04, "") +
                             extension(0xea, std::string(300, 'v'));
    EXPECT_EQ(parse_header(binary(0x21, 0x11, kIpv4 + more)), "192.0.2.7 4321");
    EXPECT_EQ(parse_header(binary(0x21, 0x21, kIpv6 + more)), "2001:db8::7 4321");
}

TEST(ProxyBinary, KeepsTheConnectionsOwn) {
    EXPECT_EQ(parse_header(binary(0x20, 0x00, "")), "own");  // LOCAL
    EXPECT_EQ(parse_header(binary(0x20, 0x11, kIpv4)), "own");
    EXPECT_EQ(parse_header(binary(0x20, 0x00, "what is this")), "own");
    EXPECT_EQ(parse_header(binary(0x21, 0x00, "")), "own");  // of no address family
    EXPECT_EQ(parse_header(binary(0x21, 0x12, kIpv4)), "own");
    EXPECT_EQ(parse_header(binary(0x21, 0x31, std::string(216, '/'))), "own");
}

TEST(ProxyBinary, IsBounded) {
    const auto filled = [](std::size_t size) {
        return binary(0x21, 0x11, kIpv4 + extension(4, std::string(size - 16 - 12 - 3, 0)));
    };
    EXPECT_EQ(parse_header(filled(kLongestProxyHeader)), "192.0.2.7 4321");
    // Known from its first sixteen bytes.
    const std::string long_head = filled(kLongestProxyHeader + 1).substr(0, 16);
    EXPECT_THAT(parse(long_head), HasSubstr("longer than 4096"));
}

TEST(ProxyBinary, IsRefusedWhereItIsMalformed) {
    EXPECT_THAT(parse(binary(0x11, 0x11, kIpv4)), HasSubstr("a version"));
    EXPECT_THAT(parse(binary(0x31, 0x11, kIpv4)), HasSubstr("a version"));
    EXPECT_THAT(parse(binary(0x22, 0x11, kIpv4)), HasSubstr("a command"));
    EXPECT_THAT(parse(binary(0x21, 0x41, kIpv4)), HasSubstr("a family"));
    EXPECT_THAT(parse(binary(0x21, 0x13, kIpv4)), HasSubstr("a family"));
    EXPECT_THAT(parse(binary(0x21, 0x11, "")), HasSubstr("too short"));
    EXPECT_THAT(parse(binary(0x21, 0x11, kIpv4.substr(1))), HasSubstr("too short"));
    EXPECT_THAT(parse(binary(0x21, 0x21, kIpv6.substr(1))), HasSubstr("too short"));
    EXPECT_THAT(parse(binary(0x21, 0x21, kIpv4)), HasSubstr("too short"));
}

TEST(ProxyBinary, ExtensionsFitTheirLengths) {
    const std::string whole = extension(0x05, "id");
    for (std::size_t cut = 1; cut < whole.size(); ++cut) {
        EXPECT_THAT(parse(binary(0x21, 0x11, kIpv4 + whole.substr(0, cut))),
                    HasSubstr("within an extension"))
            << cut;
    }
    EXPECT_THAT(parse(binary(0x21, 0x11, kIpv4 + std::string("\x05\xff\xffid", 5))),
                HasSubstr("within an extension"));
}

// The sum is another implementation's (which makes e3069283 of 123456789), of the header with zeros
// in its place.
TEST(ProxyBinary, ChecksumIsChecked) {
    const std::string sum("\x5c\xda\x1f\x38", 4);
    const std::string header = binary(0x21, 0x11, kIpv4 + extension(3, sum));
    EXPECT_EQ(parse_header(header), "192.0.2.7 4321");
    for (std::size_t at = 16; at < header.size(); ++at) {
        if (at >= 28 && at < 31) continue;  // says that it is a sum
        std::string changed = header;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        EXPECT_THAT(parse(changed), HasSubstr("the checksum")) << at;
    }
    EXPECT_THAT(parse(binary(0x21, 0x11, kIpv4 + extension(3, "abc"))), HasSubstr("the checksum"));
}

}  // namespace
}  // namespace mew::net
