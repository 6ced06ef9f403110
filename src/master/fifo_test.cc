#include "master/fifo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "master/order_table.h"
#include "master/test_server.h"

namespace mew::master {
namespace {

class FifoTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(loop.open()); }

    base::Result<void> open(const std::vector<std::string>& paths) {
        return fifos.open(paths, folder.path(), [this](char letter, const std::string& path) {
            heard += letter;
            from = path;
        });
    }
    static void write(const std::string& path, const std::string& text) {
        const os::Fd fd(::open(path.c_str(), O_WRONLY | O_NONBLOCK));
        ASSERT_TRUE(fd) << "nobody reads " << path;
        ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    }
    void turn() { EXPECT_GT(loop.run_once(base::Milliseconds{TestServer::kDeadline}), 0); }

    Folder folder;
    base::SteadyClock clock;
    net::EventLoop loop{clock};
    Fifos fifos{loop};
    std::string heard;
    std::string from;
};

TEST_F(FifoTest, HearsLetterByLetterFromOneWriterAfterTheOther) {
    ASSERT_TRUE(open({"app.fifo"}));
    write(folder / "app.fifo", "rs\n");
    turn();
    EXPECT_EQ(heard, "rs");
    EXPECT_EQ(from, folder / "app.fifo");
    write(folder / "app.fifo", "qq\nq?");
    turn();
    EXPECT_EQ(heard, "rsq?") << "the same letter twice at once is one order";
    // No writer is left: that must not look like an end, for ever readable.
    EXPECT_EQ(loop.run_once(base::Milliseconds{0}), 0);
}

TEST_F(FifoTest, SeveralAndTheirModes) {
    const mode_t before = ::umask(027);
    ASSERT_TRUE(open({"one", folder / "two"}));
    ::umask(before);
    struct stat about {};
    ASSERT_EQ(::stat((folder / "one").c_str(), &about), 0);
    EXPECT_TRUE(S_ISFIFO(about.st_mode));
    EXPECT_EQ(about.st_mode & 0777U, 0640U);
    write(folder / "two", "r");
    turn();
    EXPECT_EQ(from, folder / "two");
}

TEST_F(FifoTest, UsesTheOneThatIsThere) {
    ASSERT_EQ(::mkfifo((folder / "old").c_str(), 0600), 0);
    ASSERT_TRUE(open({"old"}));
    write(folder / "old", "l");
    turn();
    EXPECT_EQ(heard, "l");
}

TEST_F(FifoTest, RefusesWhatIsNoFifo) {
    folder.write("file", "precious");
    const auto opened = open({"file"});
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().text.find("no FIFO; remove it"), std::string::npos);
    const auto nowhere = open({"missing/folder"});
    ASSERT_FALSE(nowhere);
    EXPECT_NE(nowhere.error().text.find("cannot make"), std::string::npos);
}

TEST_F(FifoTest, RemovesItsOwnFileOnly) {
    ASSERT_TRUE(open({"ours", "taken"}));
    ASSERT_EQ(::unlink((folder / "taken").c_str()), 0);
    ASSERT_EQ(::mkfifo((folder / "taken").c_str(), 0600), 0);
    fifos.close(true);
    EXPECT_NE(::access((folder / "ours").c_str(), F_OK), 0);
    EXPECT_EQ(::access((folder / "taken").c_str(), F_OK), 0);
}

TEST_F(FifoTest, StaysWithoutVacuum) {
    ASSERT_TRUE(open({"ours"}));
    fifos.close(false);
    EXPECT_EQ(::access((folder / "ours").c_str(), F_OK), 0);
}

TEST(OrderTable, EachLetterIsToldOfOnce) {
    for (const char letter : std::string("rcwRqQsl")) {
        const Letter* known = find_letter(letter);
        ASSERT_NE(known, nullptr) << letter;
        EXPECT_EQ(known->letter, letter);
        EXPECT_NE(letters_text().find(std::string(1, letter) + " " + std::string(known->meaning)),
                  std::string::npos);
    }
    EXPECT_EQ(find_letter('x'), nullptr);
    EXPECT_EQ(find_letter('\0'), nullptr);
}

}  // namespace
}  // namespace mew::master
