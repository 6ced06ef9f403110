#include "http/grammar.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace mew::http {
namespace {

using std::string_view_literals::operator""sv;

// Each class against its definition, byte by byte.
TEST(CharClass, r08_token_is_tchar) {
    const std::string_view marks = "!#$%&'*+-.^_`|~";
    for (int c = 0; c < 256; ++c) {
        const bool alnum =
            (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        const bool mark = marks.find(static_cast<char>(c)) != std::string_view::npos;
        const bool reg_name_mark =
            "-._~!$&'()*+,;=%"sv.find(static_cast<char>(c)) != std::string_view::npos;
        const char byte = static_cast<char>(c);
        EXPECT_EQ(has_class(byte, char_class::kToken), alnum || mark) << c;
        EXPECT_EQ(has_class(byte, char_class::kAlnumDash), alnum || c == '-') << c;
        EXPECT_EQ(has_class(byte, char_class::kRegName), alnum || reg_name_mark) << c;
        EXPECT_EQ(has_class(byte, char_class::kValue), c == '\t' || (c >= 0x20 && c != 0x7f)) << c;
        EXPECT_EQ(has_class(byte, char_class::kTarget), c > 0x20 && c < 0x7f && c != '#') << c;
    }
}

// Texts that are read eight bytes at a time: every byte at every place of every size.
template <typename Whole>
void expect_class_of_each_byte(Whole&& whole, std::uint8_t bits) {
    for (std::size_t size = 1; size <= 34; ++size) {
        for (std::size_t place = 0; place < size; ++place) {
            std::string text(size, 'x');
            for (int c = 0; c < 256; ++c) {
                text[place] = static_cast<char>(c);
                ASSERT_EQ(whole(text), has_class(text[place], bits)) << c << " at " << place;
            }
        }
    }
    EXPECT_TRUE(whole(""));
}

TEST(IsFieldValue, r10_judges_every_byte_wherever_it_stands) {
    expect_class_of_each_byte(is_field_value, char_class::kValue);
    EXPECT_TRUE(is_field_value("\ta tab\t and \xe9\xff\x80 more of them\t"));
    EXPECT_FALSE(is_field_value("\ta tab and a line feed, much further on\n"));
    EXPECT_FALSE(is_field_value("\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11"));
}

TEST(IsTargetText, r05_judges_every_byte_wherever_it_stands) {
    expect_class_of_each_byte(is_target_text, char_class::kTarget);
    EXPECT_FALSE(is_target_text("/a/path with/blanks"));
    EXPECT_FALSE(is_target_text("\xff\xff\xff\xff\xff\xff\xff\xff"));
}

TEST(HexDigit, knows_exactly_the_hexadecimal_digits) {
    const std::string_view lower = "0123456789abcdef";
    const std::string_view upper = "0123456789ABCDEF";
    for (int c = 0; c < 256; ++c) {
        const char byte = static_cast<char>(c);
        int expected = -1;
        if (const auto at = lower.find(byte); at != std::string_view::npos)
            expected = static_cast<int>(at);
        if (const auto at = upper.find(byte); at != std::string_view::npos)
            expected = static_cast<int>(at);
        EXPECT_EQ(hex_digit(byte), expected) << c;
    }
}

TEST(IsToken, needs_a_byte) {
    EXPECT_FALSE(is_token(""));
    EXPECT_TRUE(is_token("a"));
    EXPECT_FALSE(is_token("a b"));
    EXPECT_FALSE(is_token("a\0b"sv));
}

TEST(EqualsIgnoringCase, folds_ascii_letters_only) {
    EXPECT_TRUE(equals_ignoring_case("", ""));
    EXPECT_TRUE(equals_ignoring_case("chunked", "ChUnKeD"));
    EXPECT_TRUE(equals_ignoring_case("a-1", "A-1"));
    EXPECT_FALSE(equals_ignoring_case("a", ""));
    EXPECT_FALSE(equals_ignoring_case("ab", "a"));
    EXPECT_FALSE(equals_ignoring_case("`", "@"));
    EXPECT_FALSE(equals_ignoring_case("{", "["));
    EXPECT_FALSE(equals_ignoring_case("-", "\x0d"));
    EXPECT_FALSE(equals_ignoring_case("\xe9", "\xc9"));
}

TEST(TrimBlanks, takes_spaces_and_tabs_only) {
    EXPECT_EQ(trim_blanks(" \ta b\t "), "a b");
    EXPECT_EQ(trim_blanks(""), "");
    EXPECT_EQ(trim_blanks(" \t "), "");
    EXPECT_EQ(trim_blanks("\x0b"
                          "a\r\n"),
              "\x0b"
              "a\r\n");
    EXPECT_EQ(trim_blanks("\xa0"
                          "a"),
              "\xa0"
              "a");
}

TEST(ParseLength, r16_one_to_nineteen_digits_in_range) {
    struct Row {
        std::string_view text;
        std::uint64_t value;
    };
    for (const Row& row : {Row{"0", 0}, Row{"5", 5}, Row{"0000000000000000007", 7},
                           Row{"1000000000000000000", 1000000000000000000U},
                           Row{"9223372036854775807", 9223372036854775807U}}) {
        EXPECT_EQ(parse_length(row.text), row.value) << row.text;
    }
    for (const std::string_view text : {""sv,
                                        "00000000000000000000"sv,
                                        "9223372036854775808"sv,
                                        "9999999999999999999"sv,
                                        "18446744073709551621"sv,
                                        "+1"sv,
                                        "-1"sv,
                                        "-0"sv,
                                        " 1"sv,
                                        "1 "sv,
                                        "1,1"sv,
                                        "0x1"sv,
                                        "1e1"sv,
                                        "1.0"sv,
                                        "1_0"sv,
                                        "a"sv,
                                        "1\0"sv,
                                        "\0"sv,
                                        "\xb2"sv,
                                        "\xd9\xa1"sv}) {
        EXPECT_EQ(parse_length(text), std::nullopt) << text;
    }
}

TEST(IsValidAuthority, r07_host_and_optional_port) {
    for (const std::string_view text :
         {"h"sv, "a.b-c_d~e"sv, "127.0.0.1"sv, "h:"sv, "h:0"sv, "h:65535"sv, "h:00080"sv, "a%41b"sv,
          "%41"sv, "a!$&'()*+,;=b"sv, "[::]"sv, "[::1]:80"sv, "[1:2:3:4:5:6:7:8]"sv,
          "[::ffff:1.2.3.4]"sv, "[::1]:"sv}) {
        EXPECT_TRUE(is_valid_authority(text)) << text;
    }
    for (const std::string_view text :
         {""sv,
          ":"sv,
          ":80"sv,
          "h:65536"sv,
          "h:99999"sv,
          "h:100000"sv,
          "h:-1"sv,
          "h: 80"sv,
          "h:80 "sv,
          "h:8\0"sv,
          "a:b:80"sv,
          "u@h"sv,
          "u:p@h"sv,
          "a b"sv,
          "a/b"sv,
          "a?b"sv,
          "a#b"sv,
          "a\\b"sv,
          "a\"b"sv,
          "a<b"sv,
          "a[b"sv,
          "a]b"sv,
          "a^b"sv,
          "a|b"sv,
          "a\0b"sv,
          "a\x7f"sv,
          "a\xc3\xa9"sv,
          "%"sv,
          "a%"sv,
          "a%4"sv,
          "a%4g"sv,
          "%%41"sv,
          "[]"sv,
          "[::1"sv,
          "::1"sv,
          "[::1]x"sv,
          "[::1]80"sv,
          "[::1]:x"sv,
          "[::1]:65536"sv,
          "[1:2:3:4:5:6:7:8:9]"sv,
          "[:::]"sv,
          "[12345::]"sv,
          "[::1.2.3]"sv,
          "[::1.2.3.256]"sv,
          "[g::]"sv,
          "[::1%25lo]"sv,
          "[v1.a]"sv,
          "[ ::1]"sv,
          "[::1\0]"sv,
          "[[::1]]"sv,
          "[127.0.0.1]"sv,
          "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]"sv}) {
        EXPECT_FALSE(is_valid_authority(text)) << text;
    }
}

TEST(ListContains, finds_whole_elements) {
    for (const std::string_view list :
         {"close"sv, "CLOSE"sv, "a, close"sv, "close,a"sv, "a,\tclose\t,b"sv, ",,close,,"sv}) {
        EXPECT_TRUE(list_contains(list, "close")) << list;
    }
    for (const std::string_view list : {""sv, ","sv, "closed"sv, "xclose"sv, "clo se"sv,
                                        "\"close\""sv, "close;q=1"sv, "a b close"sv}) {
        EXPECT_FALSE(list_contains(list, "close")) << list;
    }
}

TEST(PercentDecode, decodes_once_and_keeps_what_is_not_encoded) {
    struct Row {
        std::string_view text, decoded;
    };
    for (const Row& row :
         {Row{"", ""}, Row{"/a/b", "/a/b"}, Row{"%41%42", "AB"}, Row{"%c3%A9", "\xc3\xa9"},
          Row{"%2541", "%41"}, Row{"%00", "\0"sv}, Row{"%2f..%2F", "/../"}, Row{"%", "%"},
          Row{"%4", "%4"}, Row{"a%4", "a%4"}, Row{"%zz", "%zz"}, Row{"%4z%41", "%4zA"},
          Row{"%%41", "%A"}, Row{"+", "+"}, Row{"a%20", "a "},
          Row{"%\0"
              "1"sv,
              "%\0"
              "1"sv}}) {
        std::string out = "kept:";
        percent_decode(row.text, out);
        EXPECT_EQ(out, "kept:" + std::string(row.decoded)) << row.text;
    }
}

TEST(Authority, IsSplitIntoHostAndPort) {
    struct Row {
        std::string_view text, host, port;
    };
    for (const Row& row :
         {Row{"h", "h", ""}, Row{"h:", "h", ""}, Row{"a.example:80", "a.example", "80"},
          Row{"[::1]", "[::1]", ""}, Row{"[2001:db8::1]:8443", "[2001:db8::1]", "8443"}}) {
        EXPECT_TRUE(is_valid_authority(row.text)) << row.text;
        EXPECT_EQ(split_authority(row.text).host, row.host) << row.text;
        EXPECT_EQ(split_authority(row.text).port, row.port) << row.text;
    }
}

TEST(Addresses, AreWholeTexts) {
    for (const std::string_view text : {"0.0.0.0", "192.0.2.7", "255.255.255.255"}) {
        EXPECT_TRUE(is_ipv4(text)) << text;
        EXPECT_FALSE(is_ipv6(text)) << text;
    }
    for (const std::string_view text : {"::", "::1", "2001:db8::7", "::ffff:192.0.2.7"}) {
        EXPECT_TRUE(is_ipv6(text)) << text;
        EXPECT_FALSE(is_ipv4(text)) << text;
    }
    for (const std::string_view text :
         {"", "1.2.3", "1.2.3.4.5", "1.2.3.4 ", "1.2.3.256", "[::1]", "fe80::1%lo", ":", "h"}) {
        EXPECT_FALSE(is_ipv4(text)) << text;
        EXPECT_FALSE(is_ipv6(text)) << text;
    }
    EXPECT_FALSE(is_ipv4(std::string_view("1.2.3.4\0", 8)));
}

TEST(Ports, AreSixteenBits) {
    for (const std::string_view text : {"0", "80", "00080", "65535"})
        EXPECT_TRUE(is_port(text)) << text;
    for (const std::string_view text : {"", "65536", "000080", "-1", "+1", "8 ", "x"})
        EXPECT_FALSE(is_port(text)) << text;
}

}  // namespace
}  // namespace mew::http
