#include "front/spill_folder.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::front {
namespace {

using testing::HasSubstr;

bool is_nameless(int fd) {
    struct stat about {};
    return ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && about.st_nlink == 0 &&
           (about.st_mode & 0777) == 0600;
}

TEST(SpillFolder, FilesHaveNoNameAndAreOurs) {
    const auto folder = SpillFolder::open("/tmp");
    ASSERT_TRUE(folder) << folder.error().text;
    EXPECT_EQ(folder->describe(), folder->on_disk() ? "the folder /tmp" : "memory");
    const auto file = folder->make_file();
    ASSERT_TRUE(file) << file.error().text;
    EXPECT_NE(file->in_memory, folder->on_disk());
    EXPECT_EQ(is_nameless(file->fd.get()), folder->on_disk());
    EXPECT_EQ(::fcntl(file->fd.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    EXPECT_EQ(::pwrite(file->fd.get(), "x", 1, 0), 1);
}

TEST(SpillFolder, TheEnvironmentNamesIt) {
    const char* const before = std::getenv("TMPDIR");
    const std::string kept = before != nullptr ? before : "";
    ::setenv("TMPDIR", "/no/such/folder", 1);
    const auto missing = SpillFolder::open();
    ::setenv("TMPDIR", "", 1);
    const auto usual = SpillFolder::open();
    ::unsetenv("TMPDIR");
    if (before != nullptr) ::setenv("TMPDIR", kept.c_str(), 1);
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().text, HasSubstr("cannot use /no/such/folder for temporary files"));
    ASSERT_TRUE(usual) << usual.error().text;
}

TEST(SpillFolder, WhereNoFileCanBeMadeTheyLieInMemory) {
    const auto folder = SpillFolder::open("/proc/self");
    ASSERT_TRUE(folder) << folder.error().text;
    EXPECT_FALSE(folder->on_disk());
    const SpillFolder none;
    for (const SpillFolder* const each : {&folder.value(), &none}) {
        EXPECT_EQ(each->describe(), "memory");
        const auto file = each->make_file();
        ASSERT_TRUE(file) << file.error().text;
        EXPECT_TRUE(file->in_memory);
        EXPECT_EQ(::fcntl(file->fd.get(), F_ADD_SEALS, F_SEAL_WRITE), 0);
    }
}

TEST(SpillFolder, ShortageIsAnError) {
    const auto folder = SpillFolder::open("/tmp");
    ASSERT_TRUE(folder);
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto file = folder->make_file();
    const auto in_memory = SpillFolder().make_file();
    ::setrlimit(RLIMIT_NOFILE, &before);
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().code, EMFILE);
    EXPECT_THAT(file.error().text, HasSubstr("cannot make a temporary file in "));
    EXPECT_FALSE(in_memory);
}

}  // namespace
}  // namespace mew::front
