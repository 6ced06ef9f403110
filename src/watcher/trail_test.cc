#include "watcher/trail.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "watcher/test_folder.h"

namespace mew::watcher {
namespace {

class TrailTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(folders.open()); }

    // The names at the end of the way, from where the test's folder begins.
    std::string names(const std::string& path, bool inside = false) {
        const Trail trail = follow(folders, path, inside);
        EXPECT_EQ(trail.why_deaf, "");
        std::string text;
        bool begun = false;
        const std::string own = folder.path().substr(folder.path().rfind('/') + 1);
        for (const Trail::Step& step : trail.steps) {
            if (begun) text += (text.empty() ? "" : " ") + (step.name.empty() ? "*" : step.name);
            begun = begun || step.name == own;
        }
        last = trail.last_folder;
        return text;
    }

    TestFolder folder;
    Folders folders;
    std::string last;
};

TEST_F(TrailTest, NamesEachPartOfThePath) {
    folder.make("a/b");
    folder.write("a/b/file");
    EXPECT_EQ(names(folder / "a/b/file"), "a b file");
    EXPECT_EQ(last, folder / "a/b");
    EXPECT_EQ(names(folder / "a/../a//./b/file"), "a a b file");
}

TEST_F(TrailTest, EndsAtWhatIsNotThere) {
    EXPECT_EQ(names(folder / "missing"), "missing");
    EXPECT_EQ(names(folder / "missing/too/file"), "missing");
    EXPECT_EQ(last, folder.path());
    folder.write("file");
    EXPECT_EQ(names(folder / "file/below"), "file");
}

TEST_F(TrailTest, FollowsLinks) {
    folder.make("v1");
    folder.write("v1/file");
    folder.link("v1", "..data");
    folder.link("..data/file", "file");
    EXPECT_EQ(names(folder / "file"), "file ..data v1 file");
    EXPECT_EQ(last, folder / "v1");
    folder.link(folder / "v1", "whole");
    EXPECT_TRUE(names(folder / "whole/file").ends_with("v1 file"));
}

TEST_F(TrailTest, RingsOfLinksEnd) {
    folder.link("b", "a");
    folder.link("a", "b");
    EXPECT_TRUE(names(folder / "a/file").starts_with("a b a b"));
}

TEST_F(TrailTest, OfAFolderAllThatIsInIt) {
    folder.make("a");
    folder.write("a/file");
    EXPECT_EQ(names(folder / "a", true), "a *");
    EXPECT_EQ(names(folder / "a/file", true), "a file");
    EXPECT_EQ(names(folder / "missing", true), "missing");
}

TEST_F(TrailTest, WithoutInotifySaysSo) {
    Folders deaf;
    const Trail trail = follow(deaf, folder / "file", false);
    EXPECT_NE(trail.why_deaf, "");
    EXPECT_TRUE(trail.steps.empty());
}

}  // namespace
}  // namespace mew::watcher
