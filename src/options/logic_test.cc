#include "options/logic.h"

#include <gtest/gtest.h>

#include "options/test_files.h"

namespace mew::options {
namespace {

// What gets through, as "name=value name=value".
std::string run(const std::vector<std::pair<std::string, std::string>>& options,
                std::string* mistakes = nullptr) {
    std::string said;
    const auto look_up = [](std::string_view name) -> std::optional<std::string> {
        if (name == "SET") return "1";
        return std::nullopt;
    };
    Logic logic(look_up, look_up, [&](const std::string& origin, const std::string& text) {
        said += origin + text + "\n";
    });
    std::string out;
    for (const auto& [name, value] : options)
        for (const Item& item : logic.take({name, value, false, "o:"}))
            out += item.name + "=" + item.value + " ";
    logic.finish();
    if (mistakes != nullptr)
        *mistakes = said;
    else
        EXPECT_EQ(said, "");
    return out;
}

TEST(Logic, Conditions) {
    EXPECT_EQ(run({{"if-env", "SET"}, {"a", "1"}, {"else", ""}, {"b", "2"}, {"endif", ""}}),
              "a=1 ");
    EXPECT_EQ(run({{"if-env", "NOPE"}, {"a", "1"}, {"else", ""}, {"b", "2"}, {"endif", ""}}),
              "b=2 ");
    EXPECT_EQ(run({{"if-not-env", "NOPE"}, {"a", "1"}, {"endif", ""}, {"c", "3"}}), "a=1 c=3 ");
    EXPECT_EQ(run({{"ifenv", "SET=1"}, {"a", "1"}, {"end-if", ""}}), "a=1 ");
    EXPECT_EQ(run({{"if-opt", "SET=2"}, {"a", "1"}, {"endif", ""}}), "");
}

TEST(Logic, Files) {
    const test::TemporaryFolder folder;
    const std::string file = folder.write("f", "one\ntwo\n");
    EXPECT_EQ(run({{"if-file", file}, {"a", "1"}, {"endif", ""}}), "a=1 ");
    EXPECT_EQ(run({{"if-dir", file}, {"a", "1"}, {"endif", ""}}), "");
    EXPECT_EQ(run({{"if-directory", folder.path()}, {"a", "1"}, {"endif", ""}}), "a=1 ");
    EXPECT_EQ(run({{"if-exists", folder.path() + "/g"}, {"a", "1"}, {"endif", ""}}), "");
    EXPECT_EQ(run({{"for-readline", file}, {"a", "%(_)"}, {"endfor", ""}}), "a=one a=two ");
    EXPECT_EQ(run({{"for-glob", folder.path() + "/*"}, {"a", "%(_)"}, {"endfor", ""}}),
              "a=" + file + " ");
}

TEST(Logic, NestedConditions) {
    EXPECT_EQ(run({{"if-env", "NOPE"},
                   {"if-env", "SET"},
                   {"a", "1"},
                   {"else", ""},
                   {"b", "1"},
                   {"endif", ""},
                   {"endif", ""},
                   {"c", "3"}}),
              "c=3 ");
}

TEST(Logic, Loops) {
    EXPECT_EQ(run({{"for", " x  y "}, {"a%(_)", "%(_)/%(_)"}, {"b", ""}, {"endfor", ""}}),
              "ax=x/x b= ay=y/y b= ");
    EXPECT_EQ(run({{"for-times", "2"}, {"a", "%(_)"}, {"end-for", ""}}), "a=1 a=2 ");
    EXPECT_EQ(run({{"for", "NOPE SET"},
                   {"if-env", "%(_)"},
                   {"a", "%(_)"},
                   {"endif", ""},
                   {"endfor", ""}}),
              "a=SET ");
    EXPECT_EQ(run({{"if-env", "NOPE"}, {"for", "x"}, {"a", ""}, {"endfor", ""}, {"endif", ""}}),
              "");
}

TEST(Logic, MistakesAreTold) {
    std::string said;
    run({{"endif", ""}}, &said);
    EXPECT_NE(said.find("endif without"), std::string::npos);
    run({{"else", ""}}, &said);
    EXPECT_NE(said.find("else without"), std::string::npos);
    run({{"if-env", "SET"}}, &said);
    EXPECT_NE(said.find("not closed; add endif"), std::string::npos);
    run({{"for", "a b"}, {"for", "c"}, {"endfor", ""}}, &said);
    EXPECT_NE(said.find("a for inside a for"), std::string::npos);
    run({{"for", "a"}, {"if-env", "SET"}, {"endfor", ""}}, &said);
    EXPECT_NE(said.find("if-env is not closed before endfor"), std::string::npos);
    EXPECT_EQ(run({{"if-moon", "full"}, {"a", ""}, {"else", ""}, {"b", ""}, {"endif", ""}}, &said),
              "");
    EXPECT_NE(said.find("if-moon is not there yet"), std::string::npos);
    run({{"for-times", "-1"}, {"endfor", ""}}, &said);
    EXPECT_NE(said.find("for-times needs"), std::string::npos);
    run({{"for-times", "99999"}, {"a", ""}, {"b", ""}, {"endfor", ""}}, &said);
    EXPECT_NE(said.find("cannot be meant"), std::string::npos);
}

}  // namespace
}  // namespace mew::options
