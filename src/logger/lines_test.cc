#include "logger/lines.h"

#include <random>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::logger {
namespace {

using Got = std::vector<std::pair<std::string, bool>>;

Got split(const std::vector<std::string>& pieces) {
    Got got;
    Lines lines([&](std::string_view line, bool continues) { got.emplace_back(line, continues); });
    for (const auto& piece : pieces) lines.feed(piece);
    lines.finish();
    return got;
}

TEST(Lines, WhereverTheStreamIsCut) {
    const Got expected{{"one", false}, {"", false}, {"two", false}};
    EXPECT_EQ(split({"one\n\ntwo\n"}), expected);
    EXPECT_EQ(split({"o", "", "ne", "\n", "\nt", "wo\n"}), expected);
    EXPECT_EQ(split({"one\n\ntwo"}), expected) << "the last newline is not needed";
    EXPECT_EQ(split({}), Got{});
    EXPECT_EQ(split({"\n"}), (Got{{"", false}}));
}

TEST(Lines, EveryByteIsKept) {
    std::string all;
    for (int c = 0; c < 256; ++c) {
        if (c != '\n') all += static_cast<char>(c);
    }
    EXPECT_EQ(split({all + "\n"}), (Got{{all, false}}));
}

TEST(Lines, LongLineComesInParts) {
    const std::string exact(kMostLine, 'x');
    EXPECT_EQ(split({exact + "\n"}), (Got{{exact, false}}));
    EXPECT_EQ(split({exact, "\n"}), (Got{{exact, false}}));
    EXPECT_EQ(split({exact + "y\n"}), (Got{{exact, true}, {"y", false}}));
    EXPECT_EQ(split({exact, exact, "y"}), (Got{{exact, true}, {exact, true}, {"y", false}}));
}

TEST(Lines, PartsKeepCharactersWhole) {
    for (const std::string character : {"é", "€", "𝄞"}) {
        for (std::size_t before = 0; before < 5; ++before) {
            std::string text(kMostLine - before, 'x');
            text += character + "end";
            const Got got = split({text + "\n"});
            std::string joined;
            for (const auto& [line, continues] : got) {
                joined += line;
                ASSERT_LE(line.size(), kMostLine);
                // No part begins inside a character.
                ASSERT_NE(static_cast<unsigned char>(line.front()) & 0xc0, 0x80);
            }
            EXPECT_EQ(joined, text);
        }
    }
    // Continuation bytes only: no character to keep, but progress all the same.
    const std::string nonsense(3 * kMostLine, '\x80');
    EXPECT_EQ(split({nonsense}).size(), 3U);
}

TEST(Lines, RandomCutsGiveTheSameLines) {
    std::mt19937 random(11);
    std::string text;
    for (int i = 0; i < 5000; ++i)
        text += random() % 9 == 0 ? '\n' : static_cast<char>('a' + random() % 26);
    const Got expected = split({text});
    for (int round = 0; round < 50; ++round) {
        std::vector<std::string> pieces;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t size = random() % 40;
            pieces.push_back(text.substr(at, size));
            at += size;
        }
        ASSERT_EQ(split(pieces), expected);
    }
}

}  // namespace
}  // namespace mew::logger
