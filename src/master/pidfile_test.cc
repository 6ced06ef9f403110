#include "master/pidfile.h"

#include <gtest/gtest.h>

#include "master/test_server.h"

namespace mew::master {
namespace {

std::string content(const std::string& path) {
    std::ifstream file(path);
    return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST(Pidfile, IsWrittenAndRemoved) {
    const Folder folder;
    const std::string path = folder / "app.pid";
    auto pidfile = Pidfile::claim(path, ::getpid());
    ASSERT_TRUE(pidfile) << pidfile.error().text;
    EXPECT_EQ(content(path), std::to_string(::getpid()) + "\n");
    pidfile->remove();
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Pidfile, HeldByALiveServerIsAnErrorThatNamesIt) {
    const Folder folder;
    const std::string path = folder / "app.pid";
    auto first = Pidfile::claim(path, 4242);
    ASSERT_TRUE(first);
    const auto second = Pidfile::claim(path, ::getpid());
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().text.find("pid 4242"), std::string::npos) << second.error().text;
    EXPECT_EQ(content(path), "4242\n");  // untouched
}

TEST(Pidfile, StaleOrStrangeContentIsReplaced) {
    const Folder folder;
    // No process has the largest pid; pid 1 and this test are no server of ours.
    for (const std::string& old :
         {std::string("4194303\n"), std::string("1\n"), std::string("garbage"), std::string(""),
          std::string("-5\n"), std::string(100000, '9')}) {
        const std::string path = folder.write("app.pid", old);
        auto pidfile = Pidfile::claim(path, 77);
        ASSERT_TRUE(pidfile) << pidfile.error().text;
        EXPECT_EQ(content(path), "77\n");
    }
}

TEST(Pidfile, OfASuccessorIsLeftAlone) {
    const Folder folder;
    const std::string path = folder / "app.pid";
    auto pidfile = Pidfile::claim(path, 77);
    ASSERT_TRUE(pidfile);
    std::filesystem::remove(path);
    folder.write("app.pid", "78\n");
    pidfile->remove();
    EXPECT_EQ(content(path), "78\n");
}

TEST(Pidfile, PlaceThatCannotHoldOneIsAnError) {
    const Folder folder;
    EXPECT_FALSE(Pidfile::claim(folder / "no/such/folder/app.pid", 1));
    EXPECT_FALSE(Pidfile::claim(folder.path(), 1));
    ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
    EXPECT_FALSE(Pidfile::claim(folder / "fifo", 1));
}

TEST(ReadPidfile, TakesOnePidAndNothingElse) {
    const Folder folder;
    EXPECT_EQ(*read_pidfile(folder.write("a", "123")), 123);
    EXPECT_EQ(*read_pidfile(folder.write("a", " 123\r\n")), 123);
    for (const char* bad : {"", "\n", "0", "-1", "12x", "x12", "99999999999999999999", "1.5"}) {
        const auto pid = read_pidfile(folder.write("a", bad));
        EXPECT_FALSE(pid) << bad;
    }
    const auto missing = read_pidfile(folder / "absent");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ENOENT);
}

}  // namespace
}  // namespace mew::master
