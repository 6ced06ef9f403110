#include "options/expand.h"

#include <gtest/gtest.h>

#include "options/test_files.h"

namespace mew::options {
namespace {

class Expansion : public ::testing::Test {
protected:
    void put(const std::string& name, const std::string& value, bool bare = false) {
        items.push_back({name, value, bare, "x.ini:" + std::to_string(items.size() + 1)});
    }
    std::string expand(std::string_view text) {
        Expander expander(items, environment, mistakes, warnings);
        return expander.expand(text, "here");
    }

    std::vector<Item> items;
    Environment environment;
    std::vector<Mistake> mistakes;
    std::vector<Mistake> warnings;
};

TEST_F(Expansion, Environment) {
    environment = {{"HOME", "/home/cat"}, {"EMPTY", ""}};
    EXPECT_EQ(expand("a$(HOME)b$(HOME)"), "a/home/catb/home/cat");
    EXPECT_EQ(expand("$(NOPE-x-y)$(EMPTY-z)$(EMPTY:-w)$(NOPE:-v)"), "x-ywv");
    EXPECT_TRUE(warnings.empty());
    EXPECT_EQ(expand("[$(NOPE)]"), "[]");
    EXPECT_TRUE(test::says(warnings, "$(NOPE-text)"));
    EXPECT_EQ(expand("$(open $()"), "");
}

TEST_F(Expansion, Files) {
    const test::TemporaryFolder folder;
    const std::string file = folder.write("secret", "s3cret\n\n");
    EXPECT_EQ(expand("@(" + file + ")!"), "s3cret\n!");
    EXPECT_EQ(expand("@(" + folder.path() + "/none)"), "");
    EXPECT_TRUE(test::says(mistakes, "No such file"));
    EXPECT_EQ(expand("@(http://x/y)"), "");
    EXPECT_TRUE(test::says(mistakes, "only files"));
    EXPECT_EQ(expand("@(/dev/zero)"), "");
    EXPECT_TRUE(test::says(mistakes, "16 MiB"));
}

TEST_F(Expansion, Placeholders) {
    put("base", "/srv/%(name)");
    put("name", "cats");
    put("name", "dogs");
    put("flag", "", true);
    put("home", "/venv");
    EXPECT_EQ(expand("%(base)/%(name)/%(flag)"), "/srv/cats/cats/1");
    EXPECT_EQ(expand("%(virtualenv)"), "/venv");
    EXPECT_EQ(expand("%(uri) %(nobody here) %()"), "%(uri) %(nobody here) %()");
    EXPECT_TRUE(mistakes.empty());
}

TEST_F(Expansion, Arithmetic) {
    put("a", "7");
    put("b", "2");
    put("big", "9223372036854775807");
    put("low", "-9223372036854775808");
    EXPECT_EQ(expand("%(a + b)|%(a - b)|%(a * b)|%(a / b)"), "9|5|14|3");
    EXPECT_EQ(expand("%(a + b * 10)"), "90");
    EXPECT_EQ(expand("%(a b)|%(a -- b)|%(a ++)"), "72|62|8");
    EXPECT_EQ(expand("%(a / 0)|%(a / nothing)"), "0|0");
    EXPECT_EQ(expand("%(big + 1)"), "-9223372036854775808");
    EXPECT_EQ(expand("%(low / -1)"), "-9223372036854775808");
    EXPECT_EQ(expand("%(9000 + 1)"), "9001");
}

TEST_F(Expansion, CirclesEnd) {
    put("a", "%(b)");
    put("b", "x%(a)");
    EXPECT_EQ(expand("%(a)"), "x");
    EXPECT_TRUE(test::says(mistakes, "leads back to itself"));
    mistakes.clear();
    put("me", "%(me)");
    EXPECT_EQ(expand("%(me)"), "");
    EXPECT_TRUE(test::says(mistakes, "%(me) leads back"));
}

TEST_F(Expansion, DeepChainsEnd) {
    for (int i = 0; i < 10'000; ++i)
        put("p" + std::to_string(i), "%(p" + std::to_string(i + 1) + ")");
    expand("%(p0)");
    EXPECT_TRUE(test::says(mistakes, "leads through more than"));
}

TEST_F(Expansion, BillionLaughsEnd) {
    put("l0", std::string(100, 'h'));
    for (int i = 1; i < 20; ++i) {
        std::string ten;
        for (int j = 0; j < 10; ++j) ten += "%(l" + std::to_string(i - 1) + ")";
        put("l" + std::to_string(i), ten);
    }
    EXPECT_LE(expand("%(l19)").size(), 1U << 20U);
    EXPECT_TRUE(test::says(mistakes, "1 MiB"));
}

TEST_F(Expansion, TheSumIsBounded) {
    put("l", std::string(1 << 20, 'h'));
    for (int i = 0; i < 200; ++i) put("k", "%(l)");
    Expander expander(items, environment, mistakes, warnings);
    std::size_t total = 0;
    for (std::size_t i = 0; i < items.size(); ++i) total += expander.value_of(i).size();
    EXPECT_LE(total, 65U << 20U);
    EXPECT_TRUE(test::says(mistakes, "64 MiB"));
}

TEST_F(Expansion, RemembersWhichNamesWereUsed) {
    put("used", "1");
    put("unused", "2");
    Expander expander(items, environment, mistakes, warnings);
    EXPECT_EQ(expander.expand("%(used)", "x"), "1");
    EXPECT_TRUE(expander.was_used("used"));
    EXPECT_FALSE(expander.was_used("unused"));
}

}  // namespace
}  // namespace mew::options
