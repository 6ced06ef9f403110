#include "watcher/watched.h"

#include <gtest/gtest.h>

#include "watcher/state.h"
#include "watcher/test_folder.h"

namespace mew::watcher {
namespace {

using base::Milliseconds;
using control::FileState;
using control::Trigger;
using control::WatchedPath;

class WatchedTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(folders.open()); }

    void watch(const std::string& path, Trigger trigger = Trigger::touch_reload) {
        options.push_back({trigger, path, std::nullopt});
        watched.set_options(options, terms(), now);
    }
    static Watched::Terms terms(std::uint32_t committed = 0, std::uint32_t oldest = 0) {
        Watched::Terms made;
        made.interval = Milliseconds(2000);
        made.committed = committed;
        made.oldest = oldest;
        return made;
    }
    static WatchedPath loaded(const std::string& path) {
        return {Trigger::module_file, path, state_of(path, false)};
    }
    void pass(int milliseconds) { now += Milliseconds(milliseconds); }
    // "trigger path +others" of each.
    std::string look() {
        watched.hear(now);
        std::string text;
        for (const Change& change : watched.look(now)) {
            text += std::string(text.empty() ? "" : ", ") +
                    std::string(control::option_of(change.trigger)) + " " +
                    change.path.substr(folder.path().size() + 1);
            if (change.others != 0) text += " +" + std::to_string(change.others);
        }
        return text;
    }
    std::string look_after_quiet() {
        EXPECT_EQ(look(), "");
        pass(100);
        return look();
    }

    TestFolder folder;
    Folders folders;
    bool far = false;
    std::vector<std::string> told;
    Watched watched{folders, [this](const std::string&) { return !far; },
                    [this](const std::string& text) { told.push_back(text); }};
    std::vector<WatchedPath> options;
    base::MonotonicTime now{std::chrono::hours(1)};
};

TEST_F(WatchedTest, ATouchIsAChange) {
    watch(folder.write("file"));
    EXPECT_FALSE(watched.due());
    folder.touch("file");
    EXPECT_EQ(look_after_quiet(), "touch-reload file");
    EXPECT_FALSE(watched.due()) << "nothing is due while nothing happens";
    folder.write("file", "more");
    EXPECT_EQ(look_after_quiet(), "touch-reload file");
}

TEST_F(WatchedTest, AnEventWithoutADifferenceIsNone) {
    watch(folder.write("file"));
    ASSERT_EQ(::chmod((folder / "file").c_str(), 0600), 0);
    folder.move("file", "elsewhere");
    folder.move("elsewhere", "file");
    EXPECT_EQ(look_after_quiet(), "");
}

TEST_F(WatchedTest, AnotherFileOfTheFolderWakesNobody) {
    watch(folder.write("file"));
    folder.write("unrelated");
    folder.replace("unrelated");
    EXPECT_EQ(look(), "");
    EXPECT_FALSE(watched.due());
}

TEST_F(WatchedTest, AFileReplacedByRename) {
    watch(folder.write("file"));
    folder.replace("file");
    EXPECT_EQ(look_after_quiet(), "touch-reload file");
    // What stands there now is watched as well.
    folder.touch("file");
    EXPECT_EQ(look_after_quiet(), "touch-reload file");
}

TEST_F(WatchedTest, RemovedAndMadeAgain) {
    watch(folder.write("file"));
    std::filesystem::remove(folder / "file");
    EXPECT_EQ(look_after_quiet(), "") << "it will be back, or it is not missed";
    folder.write("file");
    EXPECT_EQ(look_after_quiet(), "touch-reload file");
}

TEST_F(WatchedTest, FilesAndFoldersThatAreNotThereYet) {
    watch(folder / "a/b/file");
    folder.make("a");
    EXPECT_EQ(look_after_quiet(), "");
    folder.make("a/b");
    EXPECT_EQ(look_after_quiet(), "");
    folder.write("a/b/file");
    EXPECT_EQ(look_after_quiet(), "touch-reload a/b/file");
}

TEST_F(WatchedTest, FoldersMadeAtOnceAreNotMissed) {
    watch(folder / "a/b/file");
    folder.make("a/b");
    folder.write("a/b/file");
    EXPECT_EQ(look_after_quiet(), "touch-reload a/b/file");
}

TEST_F(WatchedTest, WaitsForQuietButNotForEver) {
    watch(folder.write("file"));
    for (int i = 0; i < 19; ++i) {
        folder.touch("file");
        EXPECT_EQ(look(), "") << i;
        pass(50);
    }
    folder.touch("file");
    pass(50);
    EXPECT_EQ(look(), "touch-reload file");
}

TEST_F(WatchedTest, SaysWhenToLookAgain) {
    watch(folder.write("file"));
    folder.touch("file");
    EXPECT_EQ(look(), "");
    ASSERT_TRUE(watched.due());
    EXPECT_EQ(*watched.due(), now + Watched::kQuiet);
}

TEST_F(WatchedTest, ALinkThatIsSwapped) {
    folder.make("v1");
    folder.make("v2");
    folder.write("v1/file");
    folder.write("v2/file");
    folder.link("v1", "..data");
    folder.link("..data/file", "file");
    watch(folder / "file");
    folder.link("v2", "..next");
    folder.move("..next", "..data");
    EXPECT_EQ(look_after_quiet(), "touch-reload file");
    std::filesystem::remove_all(folder / "v1");
    EXPECT_EQ(look_after_quiet(), "");
    folder.touch("v2/file");
    EXPECT_EQ(look_after_quiet(), "touch-reload file");
}

TEST_F(WatchedTest, AFolderAboveThatIsReplaced) {
    folder.make("app/conf");
    folder.make("next/conf");
    folder.write("app/conf/file");
    folder.write("next/conf/file");
    watch(folder / "app/conf/file");
    folder.move("app", "old");
    folder.move("next", "app");
    EXPECT_EQ(look_after_quiet(), "touch-reload app/conf/file");
    folder.touch("app/conf/file");
    EXPECT_EQ(look_after_quiet(), "touch-reload app/conf/file");
}

TEST_F(WatchedTest, EachOptionThatNamesIt) {
    folder.write("file");
    watch(folder / "file", Trigger::touch_logreopen);
    watch(folder / "file", Trigger::touch_chain_reload);
    folder.touch("file");
    EXPECT_EQ(look_after_quiet(), "touch-chain-reload file, touch-logreopen file");
}

TEST_F(WatchedTest, OptionsThatNoLongerNameIt) {
    watch(folder.write("one"));
    watch(folder.write("two"));
    folder.touch("one");
    folder.touch("two");
    options.pop_back();
    watched.set_options(options, terms(), now);
    EXPECT_EQ(look_after_quiet(), "touch-reload one") << "what was pending stays so";
    folder.touch("two");
    EXPECT_EQ(look_after_quiet(), "");
}

TEST_F(WatchedTest, WhatChangedSinceTheListWasMade) {
    const std::string early = folder.write("early");
    Watched::Terms made = terms();
    made.since_ns = changed_at(early) + 1;
    // The kernel's clock goes in steps: until one has passed, both have one time.
    do folder.write("late");
    while (changed_at(folder / "late") < made.since_ns);
    watched.set_options({{Trigger::touch_reload, early, std::nullopt},
                         {Trigger::touch_reload, folder / "late", std::nullopt},
                         {Trigger::touch_reload, folder / "missing", std::nullopt},
                         {Trigger::fs_reload, folder.path(), std::nullopt}},
                        made, now);
    EXPECT_EQ(look_after_quiet(), "touch-reload late");
}

TEST_F(WatchedTest, AFolderUnderFsReload) {
    folder.make("app");
    folder.write("app/file");
    watch(folder / "app", Trigger::fs_reload);
    folder.touch("app/file");
    EXPECT_EQ(look_after_quiet(), "fs-reload app");
    folder.write("app/new");
    EXPECT_EQ(look_after_quiet(), "fs-reload app");
    std::filesystem::remove(folder / "app/new");
    EXPECT_EQ(look_after_quiet(), "fs-reload app");
    folder.write("app/.file.swp");
    folder.make("app/__pycache__");
    EXPECT_EQ(look_after_quiet(), "") << "an editor's and Python's own";
}

TEST_F(WatchedTest, ACertificateThatGoesAwayIsMissed) {
    watch(folder.write("site.crt"), Trigger::certificates);
    std::filesystem::remove(folder / "site.crt");
    EXPECT_EQ(look_after_quiet(), "certificate site.crt");
    folder.write("site.crt");
    EXPECT_EQ(look_after_quiet(), "certificate site.crt");
}

TEST_F(WatchedTest, AFolderOfCertificates) {
    folder.make("sni");
    watch(folder / "sni", Trigger::certificates);
    folder.write("sni/a.crt");
    EXPECT_EQ(look_after_quiet(), "certificate sni");
    folder.touch("sni/a.crt");
    EXPECT_EQ(look_after_quiet(), "certificate sni");
}

TEST_F(WatchedTest, AFolderUnderTouchReload) {
    folder.make("app");
    watch(folder / "app");
    folder.write("app/new");
    folder.touch("app");
    EXPECT_EQ(look_after_quiet(), "touch-reload app");
}

TEST_F(WatchedTest, WhereTheKernelHearsLittleTheClockLooks) {
    far = true;
    watch(folder.write("file"));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_NE(told[0].find(folder.path()), std::string::npos) << told[0];
    ASSERT_TRUE(watched.due());
    EXPECT_EQ(*watched.due(), now + Milliseconds(2000));
    folder.touch("file");
    // As if that had been heard by nobody: its events are not read before the clock's look.
    pass(2000);
    EXPECT_TRUE(watched.look(now).empty());
    EXPECT_EQ(*watched.due(), now + Watched::kQuiet);
    pass(100);
    const auto changes = watched.look(now);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].path, folder / "file");
    EXPECT_EQ(told.size(), 1U) << "said once";
}

TEST_F(WatchedTest, ManyFoldersAreNotNamedOneByOne) {
    far = true;
    for (int i = 0; i < 20; ++i) {
        folder.make(std::to_string(i));
        watch(folder.write(std::to_string(i) + "/file"));
    }
    ASSERT_EQ(told.size(), 8U);
    EXPECT_NE(told.back().find("not named"), std::string::npos) << told.back();
}

TEST_F(WatchedTest, WithoutInotifyToo) {
    Folders deaf;
    Watched blind(deaf, hears_all, [this](const std::string& text) { told.push_back(text); });
    blind.set_options({{Trigger::touch_reload, folder.write("file"), std::nullopt}}, terms(), now);
    EXPECT_EQ(told.size(), 1U);
    folder.touch("file");
    pass(2000);
    blind.look(now);
    pass(100);
    EXPECT_EQ(blind.look(now).size(), 1U);
}

TEST_F(WatchedTest, ModulesChangedTogetherAreOneChange) {
    watched.set_files(1, 0, {loaded(folder.write("a.py")), loaded(folder.write("b.py"))}, now);
    folder.replace("a.py");
    folder.replace("b.py");
    folder.write("c.py");
    EXPECT_EQ(look_after_quiet(), "py-autoreload a.py +1");
}

TEST_F(WatchedTest, AModuleThatChangedBeforeItsListCame) {
    const WatchedPath old = loaded(folder.write("a.py"));
    folder.replace("a.py");
    watched.set_files(1, 0, {old}, now);
    EXPECT_EQ(look_after_quiet(), "py-autoreload a.py");
    // Another process of the same generation with the same old news.
    watched.set_files(1, 2, {old}, now);
    EXPECT_EQ(look_after_quiet(), "");
}

TEST_F(WatchedTest, AListTakesThePlaceOfTheSameProcesssOne) {
    const WatchedPath one = loaded(folder.write("a.py"));
    const WatchedPath two = loaded(folder.write("b.py"));
    watched.set_files(1, 1, {one}, now);
    watched.set_files(1, 2, {one}, now);
    watched.set_files(1, 1, {two}, now);
    watched.set_files(1, 2, {two}, now);
    folder.touch("a.py");
    EXPECT_EQ(look_after_quiet(), "");
    folder.touch("b.py");
    EXPECT_EQ(look_after_quiet(), "py-autoreload b.py");
}

TEST_F(WatchedTest, FilesGoWithTheirGeneration) {
    const WatchedPath one = loaded(folder.write("a.py"));
    watched.set_files(1, 0, {one}, now);
    watched.set_files(2, 0, {loaded(folder.write("b.py"))}, now);
    watched.set_options({}, terms(2, 2), now);
    watched.set_files(1, 1, {one}, now);  // too late
    folder.touch("a.py");
    EXPECT_EQ(look_after_quiet(), "");
    folder.touch("b.py");
    EXPECT_EQ(look_after_quiet(), "py-autoreload b.py");
}

TEST_F(WatchedTest, FilesOfTheLastFailedAttemptStay) {
    watched.set_options({}, terms(1, 1), now);
    watched.set_files(1, 0, {loaded(folder.write("served.py"))}, now);
    watched.set_files(2, 0, {loaded(folder.write("first.py"))}, now);
    watched.set_files(3, 0, {loaded(folder.write("second.py"))}, now);
    folder.touch("first.py");
    EXPECT_EQ(look_after_quiet(), "");
    folder.touch("second.py");
    EXPECT_EQ(look_after_quiet(), "py-autoreload second.py");
    folder.touch("served.py");
    EXPECT_EQ(look_after_quiet(), "py-autoreload served.py");
}

TEST_F(WatchedTest, FilesOfAGenerationThatStandsByStay) {
    watched.set_options({}, terms(1, 1), now);
    watched.set_files(1, 0, {loaded(folder.write("before.py"))}, now);
    watched.set_files(2, 0, {loaded(folder.write("served.py"))}, now);
    watched.set_options({}, terms(2, 1), now);
    watched.set_files(3, 0, {loaded(folder.write("attempt.py"))}, now);
    for (const char* name : {"before.py", "served.py", "attempt.py"}) {
        folder.touch(name);
        EXPECT_EQ(look_after_quiet(), std::string("py-autoreload ") + name);
    }
}

TEST_F(WatchedTest, WhatTheLoadingWritesItselfIsNoChange) {
    watched.set_files(1, 0, {loaded(folder.write("made.py"))}, now);
    watched.hold(true, now);
    folder.write("made.py");
    EXPECT_EQ(look_after_quiet(), "");
    watched.set_files(2, 0, {loaded(folder / "made.py")}, now);
    watched.hold(false, now);
    EXPECT_EQ(look_after_quiet(), "");
    folder.touch("made.py");
    EXPECT_EQ(look_after_quiet(), "py-autoreload made.py");
}

TEST_F(WatchedTest, WhatIsSavedDuringALoadIsJudgedAfterIt) {
    folder.write("touched");
    watch(folder / "touched");
    watched.set_files(1, 0, {loaded(folder.write("a.py"))}, now);
    watched.hold(true, now);
    const WatchedPath as_loaded = loaded(folder / "a.py");
    folder.replace("a.py");
    folder.touch("touched");
    EXPECT_EQ(look_after_quiet(), "touch-reload touched") << "only files of code are held";
    watched.set_files(2, 0, {as_loaded}, now);
    EXPECT_EQ(look_after_quiet(), "");
    watched.hold(false, now);
    EXPECT_EQ(look_after_quiet(), "py-autoreload a.py");
}

TEST_F(WatchedTest, AModuleThatIsMissingAndThenMade) {
    watched.set_files(1, 0, {{Trigger::module_file, folder / "pkg/late.py", FileState{}}}, now);
    folder.make("pkg");
    folder.write("pkg/late.py");
    EXPECT_EQ(look_after_quiet(), "py-autoreload pkg/late.py");
}

}  // namespace
}  // namespace mew::watcher
