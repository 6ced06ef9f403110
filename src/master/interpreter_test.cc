#include "master/interpreter.h"

#include <gtest/gtest.h>

#include "master/test_server.h"

namespace mew::master {
namespace {

constexpr int kProgram = 0755;

InterpreterWish wish_with_path(const Folder& folder) {
    InterpreterWish wish;
    wish.package_dir = folder / "nowhere/mewsgi";
    wish.environment = {"PATH=" + (folder / "none") + ":" + (folder / "path")};
    return wish;
}

TEST(ChooseInterpreter, OptionGoesBeforeAllElse) {
    const Folder folder;
    const std::string python = folder.write("mine/python", "", kProgram);
    folder.write("venv/bin/python3", "", kProgram);
    InterpreterWish wish = wish_with_path(folder);
    wish.interpreter = python;
    wish.virtualenv = folder / "venv";
    wish.environment.push_back("VIRTUAL_ENV=" + (folder / "venv"));
    const auto chosen = choose_interpreter(wish);
    ASSERT_TRUE(chosen) << chosen.error().text;
    EXPECT_EQ(chosen->path, python);
    EXPECT_EQ(chosen->reason, "option interpreter");
}

TEST(ChooseInterpreter, NameIsLookedForOnPath) {
    const Folder folder;
    folder.write("none/python3.12", "not executable");
    const std::string python = folder.write("path/python3.12", "", kProgram);
    InterpreterWish wish = wish_with_path(folder);
    wish.interpreter = "python3.12";
    const auto chosen = choose_interpreter(wish);
    ASSERT_TRUE(chosen) << chosen.error().text;
    EXPECT_EQ(chosen->path, python);
}

TEST(ChooseInterpreter, OptionThatIsNoProgramIsAMistakeNotASearch) {
    const Folder folder;
    folder.write("path/python3", "", kProgram);
    for (const std::string& bad :
         {folder / "absent", folder.path(), folder.write("text", "x"), std::string("python9")}) {
        InterpreterWish wish = wish_with_path(folder);
        wish.interpreter = bad;
        const auto chosen = choose_interpreter(wish);
        ASSERT_FALSE(chosen) << bad;
        EXPECT_NE(chosen.error().text.find(bad), std::string::npos) << chosen.error().text;
    }
}

TEST(ChooseInterpreter, VirtualenvWithoutPythonSaysHowToMakeOne) {
    const Folder folder;
    folder.write("path/python3", "", kProgram);
    folder.write("venv/pyvenv.cfg", "");
    InterpreterWish wish = wish_with_path(folder);
    wish.virtualenv = folder / "venv";
    const auto chosen = choose_interpreter(wish);
    ASSERT_FALSE(chosen);
    EXPECT_NE(chosen.error().text.find("python3 -m venv " + (folder / "venv")), std::string::npos)
        << chosen.error().text;
}

TEST(ChooseInterpreter, LinkOfAVirtualenvIsNotFollowed) {
    const Folder folder;
    folder.write("system/python3", "", kProgram);
    folder.write("venv/bin/activate", "");
    std::filesystem::create_symlink(folder / "system/python3", folder / "venv/bin/python3");
    InterpreterWish wish = wish_with_path(folder);
    wish.virtualenv = folder / "venv";
    const auto chosen = choose_interpreter(wish);
    ASSERT_TRUE(chosen) << chosen.error().text;
    EXPECT_EQ(chosen->path, folder / "venv/bin/python3");
}

TEST(ChooseInterpreter, RelativeVirtualenvIsAlsoLookedForBelowChdir) {
    const Folder folder;
    const std::string python = folder.write("app/venv-of-this-test/bin/python3", "", kProgram);
    InterpreterWish wish = wish_with_path(folder);
    wish.virtualenv = "venv-of-this-test";
    wish.chdir = folder / "app";
    const auto chosen = choose_interpreter(wish);
    ASSERT_TRUE(chosen) << chosen.error().text;
    EXPECT_EQ(chosen->path, python);
}

TEST(ChooseInterpreter, ActiveVirtualenvThenBesideTheProgramThenPath) {
    const Folder folder;
    const std::string active = folder.write("venv/bin/python3", "", kProgram);
    const std::string exact = folder.write("opt/bin/python3.11", "", kProgram);
    folder.write("opt/bin/python3", "", kProgram);
    const std::string on_path = folder.write("path/python3", "", kProgram);
    InterpreterWish wish = wish_with_path(folder);
    wish.package_dir = folder / "opt/lib/python3.11/site-packages/mewsgi";
    wish.environment.push_back("VIRTUAL_ENV=" + (folder / "venv"));
    auto chosen = choose_interpreter(wish);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->path, active);
    EXPECT_EQ(chosen->reason, "the active VIRTUAL_ENV");

    std::filesystem::remove(active);  // a deactivated shell that kept the variable
    chosen = choose_interpreter(wish);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->path, exact);

    wish.package_dir = folder / "opt/lib/mewsgi";
    chosen = choose_interpreter(wish);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->path, on_path);
    EXPECT_EQ(chosen->reason, "python3 on PATH");
}

TEST(ChooseInterpreter, ConsoleScriptTellsItsOwnPython) {
    const Folder folder;
    const std::string python = folder.write("other/python3", "", kProgram);
    folder.write("path/python3", "", kProgram);
    InterpreterWish wish = wish_with_path(folder);
    wish.environment.push_back("MEWSGI_LAUNCHER_PYTHON=" + python);
    const auto chosen = choose_interpreter(wish);
    ASSERT_TRUE(chosen);
    EXPECT_EQ(chosen->path, python);
}

TEST(ChooseInterpreter, NoneAtAllSaysWhatToDo) {
    const Folder folder;
    const auto chosen = choose_interpreter(wish_with_path(folder));
    ASSERT_FALSE(chosen);
    EXPECT_NE(chosen.error().text.find("--interpreter"), std::string::npos);
}

TEST(ProbeVersion, TakesTheVersionOfARunningPython) {
    const auto version = probe_version(FAKE_PYTHON, nullptr);
    ASSERT_TRUE(version) << version.error().text;
    EXPECT_EQ(*version, "3.11.7");
}

TEST(ProbeVersion, RefusesWhatIsNoFitPython) {
    const Folder folder;
    const auto refused = [&](const std::string& script, const std::string& expected) {
        const std::string path = folder.write("python", "#!/bin/sh\n" + script + "\n", kProgram);
        const auto version = probe_version(path, nullptr);
        ASSERT_FALSE(version) << script;
        EXPECT_NE(version.error().text.find(expected), std::string::npos) << version.error().text;
    };
    refused("echo 3.8.18", "needs CPython 3.9");
    refused("echo 2.7.18", "needs CPython 3.9");
    refused("echo hello", "does not behave like a Python");
    refused("true", "does not behave like a Python");
    refused("echo 3.11.2; exit 3", "exited with status 3");
    EXPECT_FALSE(probe_version(folder / "absent", nullptr));
    EXPECT_FALSE(probe_version(folder.write("text", "no program", kProgram), nullptr));
}

}  // namespace
}  // namespace mew::master
