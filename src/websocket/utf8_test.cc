#include "websocket/utf8.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mew::websocket {
namespace {

using Texts = std::vector<std::string>;

// The first and last character of each size, and those beside what is left out.
const Texts kValid{"",
                   "abc",
                   std::string("\0", 1),
                   "\x7f",
                   "\xc2\x80",
                   "\xdf\xbf",
                   "\xe0\xa0\x80",
                   "\xef\xbf\xbf",
                   "\xf0\x90\x80\x80",
                   "\xf4\x8f\xbf\xbf",
                   "\xed\x9f\xbf",
                   "\xee\x80\x80",
                   "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
                   std::string(100, 'a') + "\xe2\x82\xac" + std::string(33, 'b')};
const Texts kInvalid{"\x80",
                     "\xbf",
                     "\xc0\xaf",
                     "\xc1\xbf",
                     "\xe0\x9f\xbf",
                     "\xe0\x80\xaf",
                     "\xf0\x8f\xbf\xbf",
                     "\xf4\x90\x80\x80",
                     "\xf5\x80\x80\x80",
                     "\xf8\x88",
                     "\xfe",
                     "\xff",
                     "\xed\xa0\x80",
                     "\xed\xbf\xbf",
                     "\xc2\x61",
                     "\xe2\x82\x61",
                     "\xe2\x61",
                     "\xf0\x9f\x98\x61",
                     "\xc3\xc3",
                     std::string(63, 'a') + "\xff" + std::string(63, 'a')};
const Texts kCut{"\xc2", "\xe0", "\xe0\xa0", "\xf4", "\xf4\x8f", "\xf4\x8f\xbf"};

bool takes_byte_by_byte(const std::string& text, Utf8& check) {
    for (const char& byte : text) {
        if (!check.take({&byte, 1})) return false;
    }
    return true;
}

TEST(Utf8, valid) {
    for (const std::string& text : kValid) {
        EXPECT_TRUE(is_utf8(text)) << text;
        Utf8 check;
        EXPECT_TRUE(takes_byte_by_byte(text, check) && check.complete()) << text;
    }
}

TEST(Utf8, invalid) {
    for (const std::string& text : kInvalid) {
        Utf8 whole;
        EXPECT_FALSE(whole.take(text)) << text;
        Utf8 check;
        EXPECT_FALSE(takes_byte_by_byte(text, check)) << text;
    }
}

TEST(Utf8, a_cut_character_is_no_mistake_yet) {
    for (const std::string& text : kCut) {
        Utf8 check;
        EXPECT_TRUE(check.take(text));
        EXPECT_FALSE(check.complete());
        EXPECT_FALSE(is_utf8(text));
    }
}

TEST(Utf8, fails_with_the_first_byte_that_cannot_be_right) {
    Utf8 check;
    EXPECT_TRUE(check.take("\xf4"));
    EXPECT_FALSE(check.take("\x90"));  // beyond U+10FFFF, though two bytes are missing
}

// Every string of up to two bytes, and every three-byte one of the edges, as a plain reading of RFC
// 3629's table has it.
TEST(Utf8, two_bytes_all) {
    for (int first = 0; first < 256; ++first) {
        for (int second = 0; second < 256; ++second) {
            const std::string text{static_cast<char>(first), static_cast<char>(second)};
            const bool ascii = first < 0x80 && second < 0x80;
            const bool pair = first >= 0xc2 && first <= 0xdf && second >= 0x80 && second <= 0xbf;
            EXPECT_EQ(is_utf8(text), ascii || pair) << first << " " << second;
        }
    }
}

TEST(Utf8, cuts_between_characters) {
    EXPECT_EQ(cut_utf8("abc", 3), "abc");
    EXPECT_EQ(cut_utf8("abc", 2), "ab");
    EXPECT_EQ(cut_utf8("a\xe2\x82\xac", 3), "a");
    EXPECT_EQ(cut_utf8("a\xe2\x82\xac", 4), "a\xe2\x82\xac");
    EXPECT_EQ(cut_utf8("\xe2\x82\xac", 2), "");
}

}  // namespace
}  // namespace mew::websocket
