#include "front/spill.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::front {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1U << 20U;

ssize_t read_warm(int fd, std::span<char> to, off_t offset) {
    return ::pread(fd, to.data(), to.size(), offset);
}

ssize_t is_cold(int, std::span<char>, off_t) {
    errno = EAGAIN;
    return -1;
}

// Which bytes come at which place of a long body.
std::string pattern(std::uint64_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<char>((offset + i) * 2654435761U >> 13U);
    return bytes;
}

class SpillTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(loop.open());
        auto opened = SpillFolder::open("/tmp");
        ASSERT_TRUE(opened) << opened.error().text;
        folder = std::move(*opened);
        if (!folder.on_disk()) GTEST_SKIP() << "/tmp has no files without names here";
    }

    Spill make(std::size_t memory, std::uint64_t file) {
        return {folder, totals, Spill::Limits{memory, file}};
    }
    bool append(Spill& spill, std::string_view bytes) {
        const auto fits = spill.append(bytes);
        EXPECT_TRUE(fits) << fits.error().text;
        return fits && *fits;
    }
    // Waits for bytes of the file, if that is where the next ones are.
    void bring(Spill& spill, FileReader& reader) {
        if (!spill.front().empty() || spill.empty()) return;
        std::optional<base::Result<void>> came;
        const auto at_once =
            spill.load(reader, [&](base::Result<void> result) { came = std::move(result); });
        ASSERT_TRUE(at_once) << at_once.error().text;
        if (!*at_once) {
            const auto deadline = std::chrono::steady_clock::now() + 20s;
            while (!came && std::chrono::steady_clock::now() < deadline) loop.run_once(100ms);
            ASSERT_TRUE(came && *came);
        }
        ASSERT_FALSE(spill.front().empty());
    }
    std::string take(Spill& spill, FileReader& reader, std::size_t size) {
        std::string taken;
        while (taken.size() < size && !spill.empty()) {
            bring(spill, reader);
            if (spill.front().empty()) break;
            const std::string_view part = spill.front().substr(0, size - taken.size());
            taken += part;
            spill.consume(part.size());
        }
        return taken;
    }
    static std::uint64_t bytes_on_disk(const Spill& spill) {
        struct stat about {};
        EXPECT_EQ(::fstat(spill.file(), &about), 0);
        return static_cast<std::uint64_t>(about.st_blocks) * 512;
    }

    base::SteadyClock clock;
    net::EventLoop loop{clock};
    SpillFolder folder;
    SpillTotals totals;
    FileReader warm{loop, {}, {read_warm, read_warm}};
    FileReader cold{loop, {}, {is_cold, read_warm}};
};

TEST_F(SpillTest, StaysInMemoryUpToItsBound) {
    Spill spill = make(10, 100);
    EXPECT_TRUE(spill.empty());
    EXPECT_TRUE(append(spill, "01234"));
    EXPECT_TRUE(append(spill, "56789"));
    EXPECT_EQ(spill.front(), "0123456789");
    EXPECT_EQ(spill.file(), -1);
    spill.consume(7);
    EXPECT_EQ(spill.front(), "789");
    EXPECT_TRUE(append(spill, "abcdefg")) << "there is room again";
    EXPECT_EQ(spill.front(), "789abcdefg");
    spill.consume(10);
    EXPECT_TRUE(spill.empty());
    EXPECT_EQ(totals.spills, 0U);
}

TEST_F(SpillTest, WhatIsMoreGoesToAFileAndComesBackInOrder) {
    for (FileReader* const reader : {&warm, &cold}) {
        Spill spill = make(4, 100);
        EXPECT_TRUE(append(spill, "0123"));
        EXPECT_TRUE(append(spill, "4"));
        EXPECT_TRUE(append(spill, "56789"));
        EXPECT_GE(spill.file(), 0);
        EXPECT_EQ(spill.size(), 10U);
        EXPECT_EQ(spill.front(), "0123");
        EXPECT_EQ(take(spill, *reader, 6), "012345");
        EXPECT_TRUE(append(spill, "a")) << "behind what is in the file, though memory has room";
        EXPECT_EQ(take(spill, *reader, 100), "6789a");
        EXPECT_TRUE(spill.empty());
    }
    EXPECT_EQ(totals.spills, 2U);
    EXPECT_EQ(totals.bytes, 14U);
}

TEST_F(SpillTest, TheLimitIsOfWhatIsKept) {
    Spill spill = make(4, 10);
    EXPECT_TRUE(append(spill, "0123"));
    EXPECT_TRUE(append(spill, "456789"));
    EXPECT_FALSE(append(spill, "abcde"));
    EXPECT_EQ(spill.size(), 10U) << "nothing was taken";
    EXPECT_TRUE(append(spill, "abcd"));
    EXPECT_EQ(take(spill, warm, 100), "0123456789abcd");
    EXPECT_TRUE(append(spill, "0123456789")) << "more than memory, and the file begins anew";
    EXPECT_EQ(take(spill, warm, 100), "0123456789");

    Spill without_file = make(4, 0);
    EXPECT_FALSE(append(without_file, "01234"));
    EXPECT_TRUE(append(without_file, "0123"));
    EXPECT_FALSE(append(without_file, "4"));
}

TEST_F(SpillTest, BlocksThatWereReadAreGivenBack) {
    constexpr std::uint64_t kAll = 8 * kMiB;
    Spill spill = make(0, kAll);
    EXPECT_TRUE(append(spill, pattern(0, kAll)));
    EXPECT_GE(bytes_on_disk(spill), kAll);
    EXPECT_FALSE(append(spill, "x"));
    EXPECT_EQ(take(spill, warm, 6 * kMiB), pattern(0, 6 * kMiB));
    EXPECT_LE(bytes_on_disk(spill), 4 * kMiB);
    EXPECT_TRUE(append(spill, pattern(kAll, 5 * kMiB))) << "their room is free again";
    EXPECT_EQ(take(spill, warm, kAll), pattern(6 * kMiB, 7 * kMiB));
    EXPECT_EQ(bytes_on_disk(spill), 0U) << "an empty file keeps nothing";
}

TEST_F(SpillTest, BytesComeWhileOthersAreLoaded) {
    Spill spill = make(0, kMiB);
    EXPECT_TRUE(append(spill, "first "));
    bool came = false;
    const auto at_once = spill.load(cold, [&](const base::Result<void>&) { came = true; });
    ASSERT_TRUE(at_once);
    EXPECT_FALSE(*at_once);
    EXPECT_TRUE(append(spill, "second"));
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!came && std::chrono::steady_clock::now() < deadline) loop.run_once(100ms);
    EXPECT_EQ(spill.front(), "first ");
    EXPECT_EQ(take(spill, cold, 100), "first second");
}

TEST_F(SpillTest, MayDieWhileItLoads) {
    auto spill = std::make_unique<Spill>(folder, totals, Spill::Limits{0, 100});
    EXPECT_TRUE(append(*spill, "bytes"));
    bool came = false;
    ASSERT_TRUE(spill->load(cold, [&](const base::Result<void>&) { came = true; }));
    spill.reset();
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (cold.in_flight() != 0 && std::chrono::steady_clock::now() < deadline)
        loop.run_once(100ms);
    EXPECT_EQ(cold.in_flight(), 0U);
    EXPECT_FALSE(came);
}

TEST_F(SpillTest, MayDieInItsOwnCallback) {
    auto spill = std::make_unique<Spill>(folder, totals, Spill::Limits{0, 100});
    EXPECT_TRUE(append(*spill, "bytes"));
    ASSERT_TRUE(spill->load(cold, [&](const base::Result<void>&) { spill.reset(); }));
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (spill && std::chrono::steady_clock::now() < deadline) loop.run_once(100ms);
    EXPECT_FALSE(spill);
}

// As a full disk would: a limit of the size of files is the shortage that a test may make.
TEST_F(SpillTest, NoSpaceIsAnErrorAndTakesNothing) {
    Spill spill = make(4, kMiB);
    EXPECT_TRUE(append(spill, "0123"));
    EXPECT_TRUE(append(spill, "4567"));
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
    auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{100, before.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
    const auto fits = spill.append(pattern(0, 1000));
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
    ASSERT_FALSE(fits);
    EXPECT_EQ(fits.error().code, EFBIG);
    EXPECT_THAT(fits.error().text, HasSubstr("cannot write to a temporary file in the folder"));
    EXPECT_TRUE(append(spill, "89"));
    EXPECT_EQ(take(spill, warm, 100), "0123456789");
}

TEST_F(SpillTest, AFileThatSomebodyCutIsAnError) {
    for (FileReader* const reader : {&warm, &cold}) {
        Spill spill = make(0, 100);
        EXPECT_TRUE(append(spill, "bytes"));
        ASSERT_EQ(::ftruncate(spill.file(), 0), 0);
        std::string error;
        const auto at_once = spill.load(*reader, [&](const base::Result<void>& result) {
            error = result ? "none" : base::Result<void>(result).error().text;
        });
        if (!at_once) error = at_once.error().text;
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (error.empty() && std::chrono::steady_clock::now() < deadline) loop.run_once(100ms);
        EXPECT_THAT(error, HasSubstr("somebody cut it"));
        EXPECT_EQ(spill.size(), 5U);
    }
}

TEST_F(SpillTest, ErrorsOfTheDiskReachTheOwner) {
    FileReader broken(loop, {}, {is_cold, [](int, std::span<char>, off_t) -> ssize_t {
                                     errno = EIO;
                                     return -1;
                                 }});
    Spill spill = make(0, 100);
    EXPECT_TRUE(append(spill, "bytes"));
    int code = 0;
    ASSERT_TRUE(spill.load(broken, [&](const base::Result<void>& result) {
        code = result.has_value() ? -1 : base::Result<void>(result).error().code;
    }));
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (code == 0 && std::chrono::steady_clock::now() < deadline) loop.run_once(100ms);
    EXPECT_EQ(code, EIO);
    const auto again = spill.load(warm, [](const base::Result<void>&) {});
    ASSERT_FALSE(again) << "so that nobody tries for ever";
    EXPECT_EQ(again.error().code, EIO);
}

TEST_F(SpillTest, AnyMixtureKeepsTheOrder) {
    std::mt19937 random(20240229);
    for (int round = 0; round < 20; ++round) {
        Spill spill = make(random() % 5000, 40'000);
        std::uint64_t written = 0;
        std::uint64_t read = 0;
        for (int step = 0; step < 200; ++step) {
            if (random() % 2 == 0) {
                const std::size_t size = random() % 3000;
                if (append(spill, pattern(written, size))) written += size;
            } else {
                FileReader& reader = random() % 4 == 0 ? cold : warm;
                const std::string taken = take(spill, reader, random() % 4000);
                ASSERT_EQ(taken, pattern(read, taken.size())) << "at " << read;
                read += taken.size();
            }
            ASSERT_EQ(spill.size(), written - read);
        }
        EXPECT_EQ(take(spill, warm, 100'000), pattern(read, written - read));
    }
}

class SharedSpillTest : public SpillTest {
protected:
    static std::string read_all(const Spill::Shared& shared) {
        std::string content(shared.size + 1, '\0');
        const ssize_t got = ::pread(shared.fd.get(), content.data(), content.size(), 0);
        content.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return content;
    }
    static bool can_write(const Spill::Shared& shared) {
        return ::pwrite(shared.fd.get(), "x", 1, 0) == 1 || ::ftruncate(shared.fd.get(), 0) == 0;
    }
    void expect_shared(Spill& spill, const std::string& content) {
        for (int round = 0; round < 2; ++round) {
            const auto shared = spill.share();
            ASSERT_TRUE(shared) << shared.error().text;
            EXPECT_EQ(shared->size, content.size());
            EXPECT_TRUE(shared->read_only);
            EXPECT_FALSE(can_write(*shared));
            EXPECT_TRUE(read_all(*shared) == content);
        }
    }
};

TEST_F(SharedSpillTest, AWholeBodyIsPassedOnForReading) {
    const std::string body = pattern(0, 100'000);
    Spill spill = make(5000, kMiB);
    for (std::size_t at = 0; at < body.size(); at += 777)
        EXPECT_TRUE(append(spill, std::string_view(body).substr(at, 777)));
    expect_shared(spill, body);
}

TEST_F(SharedSpillTest, SoIsOneThatFitsIntoMemory) {
    Spill spill = make(100, kMiB);
    EXPECT_TRUE(append(spill, "small"));
    expect_shared(spill, "small");
    Spill none = make(0, kMiB);
    EXPECT_TRUE(append(none, "file only"));
    expect_shared(none, "file only");
    Spill nothing = make(0, 0);
    expect_shared(nothing, "");
}

TEST_F(SharedSpillTest, MemoryIsSealed) {
    folder = SpillFolder();
    Spill spill = make(3, kMiB);
    EXPECT_TRUE(append(spill, "012"));
    EXPECT_TRUE(append(spill, "345"));
    expect_shared(spill, "012345");
}

}  // namespace
}  // namespace mew::front
