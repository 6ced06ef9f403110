// In children: what is confined stays so.

#include "os/landlock.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "os/fd.h"
#include "os/signals.h"

namespace mew::os {
namespace {

constexpr int kUnsupported = 77;

class LandlockTest : public ::testing::Test {
protected:
    void SetUp() override {
        char path[] = "/tmp/mewsgi-test-XXXXXX";
        ASSERT_NE(::mkdtemp(path), nullptr);
        folder_path = path;
        folder.reset(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
        inside = folder_path + "/inside";
        ASSERT_TRUE(Fd(::open(inside.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)));
    }
    void TearDown() override {
        ::unlink(inside.c_str());
        ::rmdir(folder_path.c_str());
    }

    // Exit status of a child that ran `body` confined; 0: it was true.
    std::string run(const std::function<bool()>& body) const {
        const pid_t child = ::fork();
        if (child == 0) {
            if (!confine_files(folder.get())) ::_exit(kUnsupported);
            ::_exit(body() ? 0 : 1);
        }
        int status = -1;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        return describe_end(status);
    }

    std::string folder_path;
    std::string inside;
    Fd folder;
};

#define MEW_RUN_CONFINED(body)                                                         \
    const std::string end = run(body);                                                 \
    if (end == "exited with status 77") GTEST_SKIP() << "this kernel has no Landlock"; \
    EXPECT_EQ(end, "exited with status 0")

TEST_F(LandlockTest, FilesElsewhereCannotBeOpened) {
    MEW_RUN_CONFINED([] {
        errno = 0;
        return ::open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES &&
               ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) < 0 && errno == EACCES;
    });
}

TEST_F(LandlockTest, ThoseOfTheFolderCanBeOpenedButNotMade) {
    MEW_RUN_CONFINED([&] {
        const bool opened = Fd(::open(inside.c_str(), O_RDWR | O_CLOEXEC)).valid();
        const std::string other = folder_path + "/other";
        return opened && ::open(other.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0 &&
               errno == EACCES && ::unlink(inside.c_str()) < 0;
    });
}

TEST_F(LandlockTest, AFileWithoutANameCanBeMadeAndOpenedAgain) {
    if (!Fd(::openat(folder.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)))
        GTEST_SKIP() << "/tmp has no files without names here";
    MEW_RUN_CONFINED([&] {
        const Fd made(::openat(folder.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        const std::string path = "/proc/self/fd/" + std::to_string(made.get());
        return made.valid() && Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).valid();
    });
}

TEST(Landlock, AnErrorIsASentence) {
    const auto confined = confine_files(-1);
    ASSERT_FALSE(confined);
    EXPECT_THAT(confined.error().text, testing::HasSubstr("(Landlock)"));
}

}  // namespace
}  // namespace mew::os
