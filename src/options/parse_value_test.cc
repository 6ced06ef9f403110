#include "options/parse_value.h"

#include <limits>

#include <gtest/gtest.h>

namespace mew::options {
namespace {

std::int64_t bytes(std::string_view text) {
    const auto value = parse_bytes(text);
    return value ? *value : -1;
}
std::int64_t time_of(std::string_view text) {
    const auto value = parse_duration(text);
    return value ? value->count() : -1;
}

TEST(ParseValue, BooleansAreFalseInFourWordsOnly) {
    for (const char* text : {"false", "off", "no", "0", "FALSE", "Off"})
        EXPECT_FALSE(parse_boolean(text)) << text;
    for (const char* text : {"true", "", "1", "yes", "00", "none", "flase", "offf"})
        EXPECT_TRUE(parse_boolean(text)) << text;
    EXPECT_TRUE(is_usual_boolean("YES"));
    EXPECT_FALSE(is_usual_boolean("flase"));
}

TEST(ParseValue, IntegersAreWhole) {
    EXPECT_EQ(*parse_integer("-12"), -12);
    for (const char* text : {"", "12abc", " 1", "1 ", "+1", "0x10", "1.0", "99999999999999999999"})
        EXPECT_FALSE(parse_integer(text)) << text;
    EXPECT_EQ(*parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
    EXPECT_FALSE(parse_integer(std::string_view("1\0", 2)));
}

TEST(ParseValue, SizesTakeBinarySuffixes) {
    EXPECT_EQ(bytes("64k"), 65536);
    EXPECT_EQ(bytes("64K"), 65536);
    EXPECT_EQ(bytes("2mb"), 2 << 20);
    EXPECT_EQ(bytes("1GiB"), 1 << 30);
    EXPECT_EQ(bytes("0"), 0);
    EXPECT_EQ(bytes("12b"), 12);
    for (const char* text : {"k", "64q", "64 k", "1.5k", "9223372036854775807k", "", "64kk"})
        EXPECT_EQ(bytes(text), -1) << text;
}

TEST(ParseValue, DurationsAreSecondsUnlessAUnitSaysElse) {
    EXPECT_EQ(time_of("30"), 30000);
    EXPECT_EQ(time_of("30s"), 30000);
    EXPECT_EQ(time_of("1.5m"), 90000);
    EXPECT_EQ(time_of("2h"), 7200000);
    EXPECT_EQ(time_of("500ms"), 500);
    EXPECT_EQ(time_of("0"), 0);
    EXPECT_EQ(time_of("0.25"), 250);
    for (const char* text :
         {"", "-1", "inf", "nan", "1e3", "s", "5 s", "5y", "0.1ms", "1..5", "0x1p3", "+3"})
        EXPECT_EQ(time_of(text), -1) << text;
    EXPECT_EQ(time_of(std::string(400, '9')), -1);
    EXPECT_EQ(time_of("99999999999999999999h"), -1);
}

TEST(ParseValue, DurationsShownAreReadBack) {
    for (const int ms : {0, 1, 999, 1000, 1500, 60000, 86400000})
        EXPECT_EQ(time_of(show_duration(Milliseconds(ms))), ms);
}

TEST(ParseValue, MessagesHoldNoRawBytes) {
    EXPECT_EQ(printable("a\nb\xff\x1b[31m"), "a\\x0ab\\xff\\x1b[31m");
    EXPECT_EQ(printable("käse"), "käse");
    EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // overlong
    EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
    EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82");           // cut
    EXPECT_TRUE(is_valid_utf8(printable(std::string(5000, '\xfe'))));
    EXPECT_LT(printable(std::string(5000, 'x')).size(), 200U);
}

TEST(ParseValue, Utf8) {
    EXPECT_TRUE(is_valid_utf8("\xf4\x8f\xbf\xbf"));
    EXPECT_FALSE(is_valid_utf8("\xf4\x90\x80\x80"));
    EXPECT_FALSE(is_valid_utf8("\xf0\x80\x80\x80"));
    EXPECT_FALSE(is_valid_utf8("\x80"));
}

}  // namespace
}  // namespace mew::options
