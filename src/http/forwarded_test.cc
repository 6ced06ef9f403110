#include "http/forwarded.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/testing/built_head.h"

namespace mew::http {
namespace {

using testing::BuiltHead;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Texts = std::vector<std::string>;

Texts from_end(const BuiltHead::Fields& fields, FieldName id) {
    const BuiltHead built(fields);
    Texts texts;
    ElementsFromEnd elements(built.head, id);
    while (const auto element = elements.next()) texts.emplace_back(*element);
    return texts;
}

Texts of_line(const std::string& value) {
    return from_end({{"X-Forwarded-For", value}}, FieldName::x_forwarded_for);
}

Texts of_forwarded(const std::string& value) {
    return from_end({{"Forwarded", value}}, FieldName::forwarded);
}

TEST(ElementsFromEnd, ComeFromTheRight) {
    EXPECT_THAT(of_line("a"), ElementsAre("a"));
    EXPECT_THAT(of_line("a, b ,\tc"), ElementsAre("c", "b", "a"));
    EXPECT_THAT(of_line(" ,a,, ,b,"), ElementsAre("b", "a"));
    EXPECT_THAT(of_line(""), IsEmpty());
    EXPECT_THAT(of_line(" , ,"), IsEmpty());
    EXPECT_THAT(of_line(R"(a", b)"), ElementsAre("b", R"(a")")) << "quotes mean nothing here";
}

TEST(ElementsFromEnd, GoOverAllLinesOfTheField) {
    EXPECT_THAT(from_end({{"X-Forwarded-For", "a, b"},
                          {"Host", "h, i"},
                          {"x-forwarded-for", ""},
                          {"X-FORWARDED-FOR", "c"},
                          {"Forwarded", "d"}},
                         FieldName::x_forwarded_for),
                ElementsAre("c", "b", "a"));
    EXPECT_THAT(from_end({{"Host", "h"}}, FieldName::forwarded), IsEmpty());
    EXPECT_THAT(from_end({}, FieldName::forwarded), IsEmpty());
}

TEST(ElementsFromEnd, QuotesHoldCommas) {
    EXPECT_THAT(of_forwarded(R"(for="a,b", for=c)"), ElementsAre("for=c", R"(for="a,b")"));
    EXPECT_THAT(of_forwarded(R"(for="[::1]:1";host="a,b")"),
                ElementsAre(R"(for="[::1]:1";host="a,b")"));
}

// The right element is a proxy's, whatever a client put to the left of it.
TEST(ElementsFromEnd, NothingOnTheLeftMovesTheLastOne) {
    for (const std::string left : {R"(")", R"(""")", R"(for="a)", R"(for="\")", R"(for="a\",b)",
                                   R"(,")", ";", R"(=)", "for=1.2.3.4;"}) {
        EXPECT_EQ(of_forwarded(left + ", for=192.0.2.7").front(), "for=192.0.2.7") << left;
        EXPECT_EQ(of_forwarded(left + R"(,for="[::1]:80")").front(), R"(for="[::1]:80")") << left;
        EXPECT_EQ(of_line(left + ", 192.0.2.7").front(), "192.0.2.7") << left;
    }
}

std::string node(const std::string& text) {
    const auto parsed = parse_forwarded_node(text);
    if (!parsed) return "none";
    return std::string(parsed->address) + "|" + std::string(parsed->port);
}

TEST(ForwardedNode, IsAnAddressAndPerhapsAPort) {
    EXPECT_EQ(node("192.0.2.7"), "192.0.2.7|");
    EXPECT_EQ(node("192.0.2.7:4321"), "192.0.2.7|4321");
    EXPECT_EQ(node("192.0.2.7:0"), "192.0.2.7|0");
    EXPECT_EQ(node("192.0.2.7:65535"), "192.0.2.7|65535");
    EXPECT_EQ(node("192.0.2.7:_port"), "192.0.2.7|");
    EXPECT_EQ(node("2001:db8::7"), "2001:db8::7|");
    EXPECT_EQ(node("[2001:db8::7]"), "2001:db8::7|");
    EXPECT_EQ(node("[2001:db8::7]:4321"), "2001:db8::7|4321");
    EXPECT_EQ(node("::ffff:192.0.2.7"), "192.0.2.7|");
    EXPECT_EQ(node("[::FFFF:192.0.2.7]:80"), "192.0.2.7|80");
    EXPECT_EQ(node("::ffff:1"), "::ffff:1|");
}

TEST(ForwardedNode, IsNoneWhereNoAddressIsSaid) {
    for (const std::string text : {"",
                                   "unknown",
                                   "_hidden",
                                   "localhost",
                                   "192.0.2",
                                   "192.0.2.256",
                                   "192.0.2.7:",
                                   ":80",
                                   "192.0.2.7:65536",
                                   "192.0.2.7:x",
                                   "192.0.2.7:_",
                                   "192.0.2.7:_a b",
                                   "192.0.2.7 ",
                                   " 192.0.2.7",
                                   "[192.0.2.7]",
                                   "[::1",
                                   "::1]",
                                   "[]",
                                   "[",
                                   "]",
                                   "[::1]80",
                                   "[::1]:",
                                   "[::1]:65536",
                                   "fe80::1%eth0",
                                   "[fe80::1%eth0]",
                                   "1.2.3.4:80:90",
                                   "0x7f.1",
                                   "192.0.2.7/8",
                                   "\xff"}) {
        EXPECT_EQ(node(text), "none") << text;
    }
    EXPECT_EQ(node(std::string("192.0.2.7\0", 10)), "none");
}

std::string element(const std::string& text) {
    const auto parsed = parse_forwarded_element(text);
    if (!parsed) return "malformed";
    return std::string(parsed->from) + "|" + std::string(parsed->proto) + "|" +
           std::string(parsed->host);
}

TEST(ForwardedElement, SaysForProtoAndHost) {
    EXPECT_EQ(element("for=192.0.2.7"), "192.0.2.7||");
    EXPECT_EQ(element(R"(For="[2001:db8::7]:4321";PROTO=https;host="example.org:8443")"),
              "[2001:db8::7]:4321|https|example.org:8443");
    EXPECT_EQ(element("by=203.0.113.9;proto=http"), "|http|");
    EXPECT_EQ(element(R"(for="";secret="a;b,c=d";new=x)"), "||");
    EXPECT_EQ(element(";for=a ; proto=b;"), "a|b|");
    EXPECT_EQ(element(""), "||");
}

TEST(ForwardedElement, IsMalformed) {
    for (const std::string text : {"192.0.2.7",
                                   "for",
                                   "for=",
                                   "=a",
                                   "for =a",
                                   "for= a",
                                   "for=a b",
                                   "for=[::1]",
                                   "for=192.0.2.7:80",
                                   R"(for="a)",
                                   R"(for=a")",
                                   R"(for=")",
                                   R"(for="a"b)",
                                   R"(for="a""b")",
                                   R"(for="a\"b")",
                                   R"(for="a\b")",
                                   "for=a;for=b",
                                   R"(for="";for="")",
                                   "host=a;HOST=a",
                                   "proto=a;proto=b",
                                   "for=a;b",
                                   "f\xffr=a",
                                   "for=\xff"}) {
        EXPECT_EQ(element(text), "malformed") << text;
    }
}

TEST(ForwardedScheme, IsHttpOrHttps) {
    for (const std::string text : {"https", "HTTPS", "wss", "Wss"})
        EXPECT_EQ(parse_forwarded_scheme(text), ForwardedScheme::https) << text;
    for (const std::string text : {"http", "Http", "ws"})
        EXPECT_EQ(parse_forwarded_scheme(text), ForwardedScheme::http) << text;
    for (const std::string text : {"", "on", "https ", "httpss", "ftp", "1"})
        EXPECT_EQ(parse_forwarded_scheme(text), ForwardedScheme::none) << text;
}

}  // namespace
}  // namespace mew::http
