#include "control/gate.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "os/memory_file.h"

namespace mew::control {
namespace {

TEST(Gate, AnotherProcessSeesWhoMayAccept) {
    auto gate = Gate::create();
    ASSERT_TRUE(gate);
    EXPECT_FALSE(gate->serves(3));
    gate->set_serving(3, 3);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        auto mine = Gate::attach(gate->fd());
        const bool good = mine && mine->serves(3) && mine->take_token(::getpid());
        ::_exit(good ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    // It died with the token: nobody can take it before the master released it.
    EXPECT_FALSE(gate->take_token(::getpid()));
    EXPECT_FALSE(gate->release_token(::getpid()));
    EXPECT_TRUE(gate->release_token(child));
    EXPECT_TRUE(gate->take_token(::getpid()));
}

TEST(Gate, TwoGenerationsServeWhileSlotsChangeOneByOne) {
    auto gate = Gate::create();
    ASSERT_TRUE(gate);
    gate->set_serving(3, 4);
    EXPECT_FALSE(gate->serves(2));
    EXPECT_TRUE(gate->serves(3));
    EXPECT_TRUE(gate->serves(4));
    EXPECT_FALSE(gate->serves(5));
    gate->set_serving(3, 3);  // undone
    EXPECT_TRUE(gate->serves(3));
    EXPECT_FALSE(gate->serves(4));
}

TEST(Gate, OneHoldsTheToken) {
    auto gate = Gate::create();
    ASSERT_TRUE(gate);
    EXPECT_TRUE(gate->take_token(10));
    EXPECT_FALSE(gate->take_token(11));
    EXPECT_FALSE(gate->release_token(11));
    EXPECT_TRUE(gate->release_token(10));
    EXPECT_TRUE(gate->take_token(11));
}

TEST(Gate, AReaderSeesWhoServesAndCannotWrite) {
    auto gate = Gate::create();
    ASSERT_TRUE(gate);
    gate->set_serving(3, 3);
    auto fd = gate->reader();
    ASSERT_TRUE(fd) << fd.error().text;
    EXPECT_EQ(::fcntl(fd->get(), F_GETFL) & O_ACCMODE, O_RDONLY);
    EXPECT_FALSE(Gate::attach(fd->get())) << "cannot be mapped for writing";
    auto view = Gate::attach_read_only(fd->get());
    ASSERT_TRUE(view) << view.error().text;
    EXPECT_TRUE(view->serves(3));
    gate->set_serving(4, 4);
    EXPECT_FALSE(view->serves(3));
    EXPECT_TRUE(view->serves(4));
}

TEST(Gate, RefusesForeignMemory) {
    auto small = os::make_shared_memory("test", 8);
    EXPECT_FALSE(Gate::attach(small->get()));
    auto zeroes = os::make_shared_memory("test", 4096);
    EXPECT_FALSE(Gate::attach(zeroes->get()));
    EXPECT_FALSE(Gate::attach(-1));
}

}  // namespace
}  // namespace mew::control
