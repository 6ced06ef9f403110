// The reader, its threads and a loop: run under the thread sanitizer too.

#include "front/file_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::front {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

// A disk that answers when it is let.
class Gate {
public:
    void shut() {
        const std::lock_guard held(lock_);
        open_ = false;
    }
    void open() {
        const std::lock_guard held(lock_);
        open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock held(lock_);
        ++inside_;
        changed_.notify_all();
        changed_.wait_for(held, 20s, [this] { return open_; });
        --inside_;
    }
    bool wait_for_inside(int count) {
        std::unique_lock held(lock_);
        return changed_.wait_for(held, 20s, [&] { return inside_ == count; });
    }

private:
    std::mutex lock_;
    std::condition_variable changed_;
    bool open_ = true;
    int inside_ = 0;
};

Gate& gate() {
    static Gate the_gate;
    return the_gate;
}

ssize_t is_cold(int, std::span<char>, off_t) {
    errno = EAGAIN;
    return -1;
}

ssize_t read_when_let(int fd, std::span<char> to, off_t offset) {
    gate().pass();
    return ::pread(fd, to.data(), to.size(), offset);
}

constexpr FileReader::Calls kCold{is_cold, read_when_let};

os::Fd file_of(std::string_view content) {
    os::Fd file(::memfd_create("test", MFD_CLOEXEC));
    EXPECT_EQ(::write(file.get(), content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
    return file;
}

class FileReaderTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(loop.open());
        gate().open();
    }
    void TearDown() override { gate().open(); }

    // Turns until `count` reads are told of.
    void await(std::size_t count) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (told.size() < count && std::chrono::steady_clock::now() < deadline)
            loop.run_once(100ms);
        EXPECT_EQ(told.size(), count);
    }
    FileReader::Ticket begin(FileReader& reader, const os::Fd& file, std::uint64_t offset = 0,
                             std::size_t size = 100) {
        auto begun = reader.read_later(file.get(), offset, size, tell());
        EXPECT_TRUE(begun) << begun.error().text;
        return begun ? std::move(*begun) : FileReader::Ticket();
    }
    FileReader::Done tell() {
        return [this](base::Result<std::string> bytes) {
            told.push_back(bytes ? *bytes : "error: " + bytes.error().text);
        };
    }

    base::SteadyClock clock;
    net::EventLoop loop{clock};
    std::vector<std::string> told;
};

TEST_F(FileReaderTest, WhatLiesInMemoryIsReadAtOnce) {
    FileReader reader(loop, {},
                      {[](int fd, std::span<char> to, off_t offset) {
                           return ::pread(fd, to.data(), to.size(), offset);
                       },
                       read_when_let});
    const os::Fd file = file_of("0123456789");
    char buffer[4];
    const auto got = reader.read_at_once(file.get(), 7, buffer);
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_EQ(*got, 3U);
    EXPECT_EQ(std::string(buffer, 3), "789");
    EXPECT_EQ(*reader.read_at_once(file.get(), 10, buffer), 0U) << "the end";
    EXPECT_EQ(reader.reads_at_once(), 2U);
}

TEST_F(FileReaderTest, TheRealCallsAgree) {
    FileReader reader(loop);
    char path[] = "/tmp/mewsgi-test-XXXXXX";
    const os::Fd file(::mkostemp(path, O_CLOEXEC));
    ASSERT_TRUE(file);
    ::unlink(path);
    ASSERT_EQ(::pwrite(file.get(), "bytes", 5, 0), 5);
    char buffer[8];
    const auto at_once = reader.read_at_once(file.get(), 0, buffer);
    ASSERT_TRUE(at_once) << at_once.error().text;
    // Whether it lies in memory is the kernel's to say.
    EXPECT_EQ(std::string(buffer, at_once->value_or(0)), at_once->has_value() ? "bytes" : "");
    const auto ticket = begin(reader, file);
    await(1);
    EXPECT_THAT(told, ElementsAre("bytes"));
}

TEST_F(FileReaderTest, WhatDoesNotIsReadByAThread) {
    FileReader reader(loop, {}, kCold);
    const os::Fd file = file_of("0123456789");
    char buffer[4];
    const auto at_once = reader.read_at_once(file.get(), 0, buffer);
    ASSERT_TRUE(at_once) << at_once.error().text;
    EXPECT_FALSE(at_once->has_value());
    const auto first = begin(reader, file, 2, 3);
    await(1);
    const auto rest = begin(reader, file, 8, 100);
    await(2);
    const auto end = begin(reader, file, 10, 100);
    await(3);
    EXPECT_THAT(told, ElementsAre("234", "89", ""));
    EXPECT_EQ(reader.reads_by_threads(), 3U);
    EXPECT_EQ(reader.in_flight(), 0U);
}

TEST_F(FileReaderTest, AFileSystemThatCannotTellIsLeftToTheThreads) {
    for (static int error; const int which : {EOPNOTSUPP, ENOSYS, EINVAL}) {
        error = which;
        FileReader reader(loop, {},
                          {[](int, std::span<char>, off_t) -> ssize_t {
                               errno = error;
                               return -1;
                           },
                           read_when_let});
        char byte = 0;
        const auto got = reader.read_at_once(0, 0, {&byte, 1});
        ASSERT_TRUE(got) << got.error().text;
        EXPECT_FALSE(got->has_value());
    }
}

TEST_F(FileReaderTest, ErrorsAreSentences) {
    FileReader reader(loop);
    char byte = 0;
    const auto got = reader.read_at_once(-1, 0, {&byte, 1});
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, EBADF);
    const os::Fd folder(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const auto ticket = begin(reader, folder);
    await(1);
    EXPECT_THAT(told[0], HasSubstr("cannot read a file that was to be sent: Is a directory"));
    const auto closed = reader.read_later(-1, 0, 1, tell());
    ASSERT_FALSE(closed);
    EXPECT_EQ(closed.error().code, EBADF);
}

TEST_F(FileReaderTest, ThreadsCanBeStartedBefore) {
    FileReader reader(loop, {}, kCold);
    ASSERT_TRUE(reader.start());
    ASSERT_TRUE(reader.start()) << "again changes nothing";
    const os::Fd file = file_of("x");
    const auto ticket = begin(reader, file);
    await(1);
    EXPECT_THAT(told, ElementsAre("x"));
}

TEST_F(FileReaderTest, TheOwnerMayCloseTheFileMeanwhile) {
    FileReader reader(loop, {}, kCold);
    gate().shut();
    os::Fd file = file_of("kept");
    const auto ticket = begin(reader, file);
    file.reset();
    gate().open();
    await(1);
    EXPECT_THAT(told, ElementsAre("kept"));
}

TEST_F(FileReaderTest, WhoLeavesIsNotCalled) {
    FileReader reader(loop, {.threads = 1}, kCold);
    const os::Fd file = file_of("x");
    gate().shut();
    auto running = begin(reader, file);
    ASSERT_TRUE(gate().wait_for_inside(1));
    auto waiting = begin(reader, file);
    EXPECT_EQ(reader.in_flight(), 2U);
    waiting.cancel();
    EXPECT_EQ(reader.in_flight(), 1U) << "no thread had it";
    running = {};
    const auto last = begin(reader, file);
    gate().open();
    await(1);
    EXPECT_EQ(reader.in_flight(), 0U);
}

TEST_F(FileReaderTest, ACallbackMayCancelOthersAndBeginNew) {
    FileReader reader(loop, {.threads = 1}, kCold);
    const os::Fd file = file_of("x");
    FileReader::Ticket first, second, third;
    gate().shut();
    auto begun = reader.read_later(file.get(), 0, 1, [&](const base::Result<std::string>&) {
        second.cancel();
        first.cancel();
        third = begin(reader, file);
    });
    ASSERT_TRUE(begun);
    first = std::move(*begun);
    second = begin(reader, file);
    gate().open();
    await(1);
    EXPECT_EQ(reader.in_flight(), 0U);
    EXPECT_EQ(reader.reads_by_threads(), 3U);
}

TEST_F(FileReaderTest, ThereIsABound) {
    FileReader reader(loop, {.threads = 1, .in_flight = 2}, kCold);
    const os::Fd file = file_of("x");
    gate().shut();
    const auto first = begin(reader, file);
    const auto second = begin(reader, file);
    const auto third = reader.read_later(file.get(), 0, 1, tell());
    ASSERT_FALSE(third);
    EXPECT_THAT(third.error().text, HasSubstr("2 reads of files wait for the disk"));
    gate().open();
    await(2);
    const auto fourth = begin(reader, file);
    await(3);
}

TEST_F(FileReaderTest, EndsWithReadsUnderWay) {
    const os::Fd file = file_of("x");
    gate().shut();
    {
        FileReader reader(loop, {.threads = 1}, kCold);
        auto running = begin(reader, file);
        ASSERT_TRUE(gate().wait_for_inside(1));
        auto waiting = begin(reader, file);
        gate().open();
    }
    loop.run_once(0ms);
    EXPECT_TRUE(told.empty());
}

TEST_F(FileReaderTest, ManyReadsComeBackEachWithItsBytes) {
    FileReader reader(loop, {}, kCold);
    constexpr std::size_t kReads = 500;
    std::string content;
    for (std::size_t i = 0; i < kReads; ++i) content += static_cast<char>('a' + i % 26);
    const os::Fd file = file_of(content);
    std::string seen(kReads, ' ');
    std::size_t done = 0;
    std::vector<FileReader::Ticket> tickets;
    for (std::size_t i = 0; i < kReads; ++i) {
        auto begun = reader.read_later(file.get(), i, 1, [&, i](base::Result<std::string> bytes) {
            seen[i] = bytes && bytes->size() == 1 ? bytes->front() : '?';
            ++done;
        });
        ASSERT_TRUE(begun);
        tickets.push_back(std::move(*begun));
    }
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (done < kReads && std::chrono::steady_clock::now() < deadline) loop.run_once(100ms);
    EXPECT_EQ(seen, content);
}

}  // namespace
}  // namespace mew::front
