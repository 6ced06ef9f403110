#include "options/singleton.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "options/load.h"

namespace mew::options {
namespace {

using testing::HasSubstr;

TEST(Singleton, IsNamedByItsFunction) {
    const auto plain = parse_singleton("pkg.jobs:loop");
    ASSERT_TRUE(plain);
    EXPECT_EQ(plain->name, "pkg.jobs:loop");
    EXPECT_EQ(plain->target, "pkg.jobs:loop");
}

TEST(Singleton, MayHaveAName) {
    const auto named = parse_singleton("clean-up.2=jobs:Cleaner.run");
    ASSERT_TRUE(named);
    EXPECT_EQ(named->name, "clean-up.2");
    EXPECT_EQ(named->target, "jobs:Cleaner.run");
}

TEST(Singleton, SaysWhatIsWrong) {
    for (const char* text : {"", "jobs", "jobs:", ":loop", "jobs:loop()", "a/b.py:loop", "x=jobs",
                             "a=b=c:d", "jobs:1st", "jobs..x:loop"}) {
        const auto wrong = parse_singleton(text);
        ASSERT_FALSE(wrong) << text;
        EXPECT_THAT(wrong.error().text, HasSubstr("write pkg.mod:function")) << text;
    }
    for (const std::string& name :
         {std::string(), std::string("two words"), std::string(65, 'x')}) {
        const auto wrong = parse_singleton(name + "=jobs:loop");
        ASSERT_FALSE(wrong) << name;
        EXPECT_THAT(wrong.error().text, HasSubstr("a name has")) << name;
    }
}

Loaded load_with(std::vector<std::string> singletons) {
    std::vector<std::string> arguments{"--http", ":0", "--module", "app"};
    for (std::string& text : singletons) {
        arguments.emplace_back("--singleton");
        arguments.push_back(std::move(text));
    }
    Request request;
    return load(arguments, {}, request);
}

TEST(Singleton, SeveralOfOneServer) {
    const Loaded loaded = load_with({"jobs:one", "two=jobs:one", "jobs:three"});
    EXPECT_TRUE(loaded.mistakes.empty());
    EXPECT_EQ(loaded.options.singletons.size(), 3U);
}

TEST(Singleton, OneNameForTwoIsAMistake) {
    const Loaded loaded = load_with({"jobs:one", "jobs:one", "jobs"});
    ASSERT_EQ(loaded.mistakes.size(), 2U);
    EXPECT_THAT(loaded.mistakes[0].text, HasSubstr("taken already"));
    EXPECT_THAT(loaded.mistakes[1].text, HasSubstr("does not name a function"));
}

}  // namespace
}  // namespace mew::options
