#include "stats/board.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "os/memory_file.h"

namespace mew::stats {
namespace {

TEST(Board, StartsAtZeroWithItsSlots) {
    auto board = Board::create(3);
    ASSERT_TRUE(board) << board.error().text;
    EXPECT_EQ(board->slots(), 3U);
    for (std::uint32_t id = 1; id <= 3; ++id) {
        EXPECT_EQ(board->slot(id, 0).requests, 0U);
        EXPECT_EQ(board->slot(id, 0).state, WorkerState::absent);
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(&board->slot(id, 0)) % 64, 0U);
    }
    EXPECT_EQ(board->header().reloads, 0U);
}

TEST(Board, AnotherProcessSeesWhatIsCounted) {
    auto board = Board::create(2);
    ASSERT_TRUE(board);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto mine = Board::attach(board->fd());
        if (!mine || mine->slots() != 2) ::_exit(1);
        add(mine->slot(2, 0).requests, 41);
        add(mine->slot(2, 0).requests);
        mine->slot(2, 0).state = WorkerState::busy;
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(board->slot(2, 0).requests, 42U);
    EXPECT_EQ(board->slot(2, 0).state, WorkerState::busy);
    EXPECT_EQ(board->slot(1, 0).requests, 0U);
}

TEST(Board, TwoIncarnationsOfASlotCountForThemselvesAndTogether) {
    auto board = Board::create(2);
    ASSERT_TRUE(board);
    board->slot(1, lane_of(6)).incarnation = 6;
    add(board->slot(1, lane_of(6)).requests, 40);
    EXPECT_EQ(&board->newest(1), &board->slot(1, lane_of(6)));
    board->slot(1, lane_of(7)).incarnation = 7;  // a substitute, while 6 drains
    add(board->slot(1, lane_of(7)).requests, 2);
    EXPECT_NE(&board->slot(1, lane_of(6)), &board->slot(1, lane_of(7)));
    EXPECT_EQ(&board->newest(1), &board->slot(1, lane_of(7)));
    EXPECT_EQ(board->total(1, &Slot::requests), 42U);
    EXPECT_EQ(board->total(2, &Slot::requests), 0U);
}

TEST(Board, CannotBeResizedByAPeer) {
    auto board = Board::create(1);
    ASSERT_TRUE(board);
    EXPECT_EQ(::ftruncate(board->fd(), 0), -1);
    EXPECT_EQ(::ftruncate(board->fd(), 1 << 20), -1);
    EXPECT_LT(::fcntl(board->fd(), F_ADD_SEALS, F_SEAL_WRITE), 0);
}

TEST(Board, AttachOutlivesTheGivenDescriptor) {
    auto board = Board::create(1);
    ASSERT_TRUE(board);
    os::Fd copy(::dup(board->fd()));
    auto attached = Board::attach(copy.get());
    ASSERT_TRUE(attached);
    copy.reset();
    EXPECT_GE(::fcntl(attached->fd(), F_GETFD), 0);
    const Board moved = std::move(*attached);
    EXPECT_EQ(attached->slots(), 0U);
    EXPECT_EQ(moved.slots(), 1U);
}

TEST(Board, RefusesForeignMemory) {
    const os::Fd unsealed(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    ASSERT_EQ(::ftruncate(unsealed.get(), sizeof(Header) + kLanes * sizeof(Slot)), 0);
    EXPECT_FALSE(Board::attach(unsealed.get()));
    auto small = os::make_shared_memory("test", 8);
    EXPECT_FALSE(Board::attach(small->get()));
    auto zeroes = os::make_shared_memory("test", sizeof(Header) + kLanes * sizeof(Slot));
    EXPECT_FALSE(Board::attach(zeroes->get()));
    EXPECT_FALSE(Board::attach(-1));
    const os::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    EXPECT_FALSE(Board::attach(file.get()));
}

TEST(Board, RefusesAnotherLayout) {
    auto board = Board::create(2);
    ASSERT_TRUE(board);
    for (std::uint32_t Header::*field :
         {&Header::magic, &Header::version, &Header::slots, &Header::slot_size}) {
        const std::uint32_t right = board->header().*field;
        for (const std::uint32_t wrong : {right + 1, right - 1, 0U, ~0U}) {
            board->header().*field = wrong;
            EXPECT_FALSE(Board::attach(board->fd()));
        }
        board->header().*field = right;
    }
    EXPECT_TRUE(Board::attach(board->fd()));
    EXPECT_FALSE(Board::create(0));
    EXPECT_FALSE(Board::create(~0U));
}

TEST(BoardDeathTest, SlotOutsideIsABrokenInvariant) {
    auto board = Board::create(2);
    ASSERT_TRUE(board);
    board->header().slots = 1000;  // as a hostile peer would
    EXPECT_DEATH(board->slot(3, 0), "broken invariant");
    EXPECT_DEATH(board->slot(0, 0), "broken invariant");
    EXPECT_DEATH(board->slot(1, kLanes), "broken invariant");
}

}  // namespace
}  // namespace mew::stats
