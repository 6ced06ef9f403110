#include "log/escape.h"

#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace mew::log {
namespace {

using nlohmann::json;

std::string json_string(std::string_view bytes) {
    std::string out;
    append_json_string(out, bytes);
    return out;
}

TEST(Printable, LeavesPlainTextAlone) {
    EXPECT_EQ(printable("GET /a?b=c~ \"'"), "GET /a?b=c~ \"'");
}

TEST(Printable, EscapesAllElseReversibly) {
    EXPECT_EQ(printable(std::string_view("\0\n\x1b[31m\x7f\xc3\xa9\\x0a", 14)),
              "\\x00\\x0a\\x1b[31m\\x7f\\xc3\\xa9\\x5cx0a");
    for (int c = 0; c < 256; ++c) {
        const char byte = static_cast<char>(c);
        const std::string text = printable({&byte, 1});
        if (c >= 0x20 && c < 0x7f && c != '\\')
            EXPECT_EQ(text, std::string(1, byte));
        else
            EXPECT_EQ(std::stoi(text.substr(2), nullptr, 16), c);
    }
}

TEST(JsonString, KeepsGoodUtf8) {
    const std::string text = "a\"b\\c/\b\f\n\r\t\x01 é € 𝄞 \x7f";
    EXPECT_EQ(json::parse(json_string(text)), text);
}

TEST(JsonString, ReplacesEachMaximalBadPart) {
    const std::string bad = "\xef\xbf\xbd";
    EXPECT_EQ(json::parse(json_string("\xff")), bad);
    EXPECT_EQ(json::parse(json_string("\xe2\x82")), bad);  // cut short
    EXPECT_EQ(json::parse(json_string("\xe2\x82z")), bad + "z");
    EXPECT_EQ(json::parse(json_string("\xc0\xaf")), bad + bad);            // overlong
    EXPECT_EQ(json::parse(json_string("\xed\xa0\x80")), bad + bad + bad);  // surrogate
    EXPECT_EQ(json::parse(json_string("\xf4\x90\x80\x80")), bad + bad + bad + bad);
    EXPECT_EQ(json::parse(json_string("\xf0\x9f\x90")), bad);
}

TEST(JsonString, IsValidForRandomBytes) {
    std::mt19937 random(3);
    for (int round = 0; round < 20000; ++round) {
        std::string bytes;
        const std::size_t size = random() % 12;
        for (std::size_t i = 0; i < size; ++i) {
            // Mostly bytes that begin or continue sequences: random ASCII finds nothing.
            bytes +=
                static_cast<char>(random() % 4 == 0 ? random() & 0xff : 0x80 | (random() & 0x7f));
        }
        const std::string text = json_string(bytes);
        ASSERT_TRUE(json::accept(text)) << text;
        // The same verdict on every byte as the library's own replacement.
        const std::string theirs = json(bytes).dump(-1, ' ', false, json::error_handler_t::replace);
        ASSERT_EQ(json::parse(text), json::parse(theirs));
    }
}

}  // namespace
}  // namespace mew::log
