#include "stats/front_board.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "os/memory_file.h"

namespace mew::stats {
namespace {

TEST(FrontBoard, AnotherProcessSeesWhatIsCounted) {
    auto board = FrontBoard::create(2);
    ASSERT_TRUE(board) << board.error().text;
    EXPECT_EQ(board->fronts(), 2U);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto mine = FrontBoard::attach(board->fd());
        if (!mine || mine->fronts() != 2) ::_exit(1);
        add(mine->slot(2).requests, 42);
        mine->slot(2).connections = 7;
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(board->slot(2).requests, 42U);
    EXPECT_EQ(board->slot(2).connections, 7U);
    EXPECT_EQ(board->slot(1).requests, 0U);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&board->slot(2)) % 64, 0U);
}

// A new counter in the block that statistics do not show would be one that nobody sees.
TEST(FrontBoard, EveryCounterHasOneName) {
    auto board = FrontBoard::create(1);
    ASSERT_TRUE(board);
    FrontSlot& slot = board->slot(1);
    std::set<std::string> names;
    std::set<const Counter*> fields;
    for (const FrontCounter& counter : front_counters()) {
        EXPECT_TRUE(names.insert(counter.name).second) << counter.name;
        EXPECT_TRUE(fields.insert(&(slot.*counter.counter)).second) << counter.name;
    }
    const Counter* const begin = &slot.accepted;
    EXPECT_EQ(fields.size(), static_cast<std::size_t>(&slot.reserved[0] - begin));
}

TEST(FrontBoard, ANewIncarnationGoesOnFromTheCountersButNotThePresent) {
    auto board = FrontBoard::create(2);
    ASSERT_TRUE(board);
    for (const std::uint32_t number : {1U, 2U}) {
        for (const FrontCounter& counter : front_counters())
            board->slot(number).*counter.counter = 5;
    }
    board->clear_present(1);
    EXPECT_EQ(board->slot(1).requests, 5U);
    EXPECT_EQ(board->slot(1).queue_wait_max_us, 5U);
    EXPECT_EQ(board->slot(1).connections, 0U);
    EXPECT_EQ(board->slot(1).queued, 0U);
    EXPECT_EQ(board->slot(1).channels, 0U);
    EXPECT_EQ(board->slot(1).outstanding, 0U);
    EXPECT_EQ(board->slot(2).connections, 5U);
}

TEST(FrontBoard, RefusesAnotherLayout) {
    auto board = FrontBoard::create(2);
    ASSERT_TRUE(board);
    auto* const words = reinterpret_cast<std::uint32_t*>(&board->slot(1)) - 16;
    for (int word = 0; word < 4; ++word) {  // magic, version, fronts, slot_size
        const std::uint32_t right = words[word];
        for (const std::uint32_t wrong : {right + 1, right - 1, 0U, ~0U}) {
            words[word] = wrong;
            EXPECT_FALSE(FrontBoard::attach(board->fd()));
        }
        words[word] = right;
    }
    EXPECT_TRUE(FrontBoard::attach(board->fd()));
    EXPECT_FALSE(FrontBoard::create(0));
    EXPECT_FALSE(FrontBoard::create(~0U));
    EXPECT_FALSE(FrontBoard::attach(-1));
    EXPECT_FALSE(FrontBoard::attach(os::make_shared_memory("test", 8)->get()));
}

TEST(FrontBoardDeathTest, ABlockOutsideIsABrokenInvariant) {
    auto board = FrontBoard::create(2);
    ASSERT_TRUE(board);
    EXPECT_DEATH(board->slot(3), "broken invariant");
    EXPECT_DEATH(board->slot(0), "broken invariant");
}

}  // namespace
}  // namespace mew::stats
