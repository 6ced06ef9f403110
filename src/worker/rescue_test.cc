// Two threads and one loop: run under the thread sanitizer too.

#include "worker/rescue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

namespace mew::worker {
namespace {

using namespace std::chrono_literals;

constexpr auto kDeadline = 20s;

// Counts its events; reads what it is sent, so that each is one.
class Bell final : public net::EventHandler {
public:
    explicit Bell(net::EventLoop& loop) : loop_(loop), fd_(::eventfd(0, EFD_NONBLOCK)) {
        EXPECT_TRUE(loop_.add(fd_.get(), EPOLLIN, *this));
    }
    ~Bell() override { loop_.remove(fd_.get(), *this); }
    void ring() const {
        const std::uint64_t one = 1;
        ASSERT_EQ(::write(fd_.get(), &one, sizeof one), 8);
    }
    void on_event(std::uint32_t) override {
        std::uint64_t count = 0;
        ASSERT_EQ(::read(fd_.get(), &count, sizeof count), 8);
        heard += static_cast<int>(count);
        handled_by = std::this_thread::get_id();
        if (on_heard) on_heard();
    }

    std::atomic<int> heard{0};
    std::thread::id handled_by;  // whoever owns the loop writes it
    std::function<void()> on_heard;

private:
    net::EventLoop& loop_;
    os::Fd fd_;
};

class RescueTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(loop.open());
        bell = std::make_unique<Bell>(loop);
        Rescue::Duty duty;
        duty.begin = [this] { ++begun; };
        duty.turn = [this](base::Milliseconds so_far) {
            EXPECT_GE(so_far, Rescue::kPatience);
            longest = std::max(longest, so_far);
        };
        duty.end = [this] { ++ended; };
        rescue = std::make_unique<Rescue>(loop, std::move(duty));
        ASSERT_TRUE(rescue->start());
    }
    // True once `done`; the deadline is for a test that fails.
    template <class Done>
    static bool wait(Done done) {
        const auto end = std::chrono::steady_clock::now() + kDeadline;
        while (!done()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::yield();
        }
        return true;
    }

    base::SteadyClock clock;
    net::EventLoop loop{clock};
    std::unique_ptr<Bell> bell;
    // The owner of the loop's; plain, so that the sanitizer sees who may touch them when.
    int begun = 0;
    int ended = 0;
    base::Milliseconds longest{0};
    std::unique_ptr<Rescue> rescue;
};

TEST_F(RescueTest, RunsTheLoopWhileACallLasts) {
    rescue->on_call_begins();
    bell->ring();
    EXPECT_TRUE(wait([&] { return bell->heard == 1; }));
    bell->ring();
    EXPECT_TRUE(wait([&] { return bell->heard == 2; }));
    rescue->on_call_ended();
    EXPECT_NE(bell->handled_by, std::this_thread::get_id());
    EXPECT_EQ(begun, 1);
    EXPECT_EQ(ended, 1);
}

TEST_F(RescueTest, GivesTheLoopBack) {
    rescue->on_call_begins();
    bell->ring();
    EXPECT_TRUE(wait([&] { return bell->heard == 1; }));
    rescue->on_call_ended();
    bell->ring();
    while (bell->heard < 2) loop.run_once(1000ms);
    EXPECT_EQ(bell->handled_by, std::this_thread::get_id());
}

TEST_F(RescueTest, ShortCallsNeverMeetIt) {
    for (int i = 0; i < 100'000; ++i) {
        rescue->on_call_begins();
        rescue->on_call_ended();
    }
    EXPECT_EQ(begun, ended);
    EXPECT_LT(begun, 100);  // a machine that stops this thread for 10 ms makes a call a long one
}

TEST_F(RescueTest, WakesForACallAfterALongRest) {
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(wait([&] { return rescue->asleep(); }));
        rescue->on_call_begins();
        bell->ring();
        EXPECT_TRUE(wait([&] { return bell->heard == i + 1; }));
        rescue->on_call_ended();
    }
}

TEST_F(RescueTest, AHandlerThatLeavesMeanwhileIsHeardNoMore) {
    // Both bells are in the batch of the outer turn; the first one's handler makes the call, during
    // which the second one leaves.
    auto second = std::make_unique<Bell>(loop);
    auto third = std::make_unique<Bell>(loop);
    bell->on_heard = [&] {
        rescue->on_call_begins();
        third->on_heard = [&] { second.reset(); };
        third->ring();
        EXPECT_TRUE(wait([&] { return third->heard == 1; }));
        rescue->on_call_ended();
        EXPECT_EQ(second, nullptr);
    };
    bell->ring();
    loop.run_once(1000ms);
    EXPECT_EQ(bell->heard, 1);
}

int count_threads() {
    int count = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
        (void)entry;
        ++count;
    }
    return count;
}

TEST_F(RescueTest, IsAwayWhilePausedAndComesBack) {
    const int with_it = count_threads();
    for (int i = 0; i < 100; ++i) {
        rescue->on_call_begins();
        if (i % 2 == 1) {  // it owns the loop
            bell->ring();
            EXPECT_TRUE(wait([&] { return bell->heard > i / 2; }));
        }
        rescue->pause();
        EXPECT_EQ(count_threads(), with_it - 1);
        EXPECT_EQ(begun, ended) << "the loop is nobody's while the call lasts";
        if (i % 3 == 0) rescue->on_call_ended();
        rescue->resume();
        EXPECT_EQ(count_threads(), with_it);
        if (i % 3 != 0) rescue->on_call_ended();
    }
    // And it still does its work.
    const int heard = bell->heard;
    rescue->on_call_begins();
    rescue->pause();
    rescue->resume();
    bell->ring();
    EXPECT_TRUE(wait([&] { return bell->heard == heard + 1; }));
    rescue->on_call_ended();
}

TEST_F(RescueTest, PausedOutsideACallItComesBackWithTheNext) {
    rescue->pause();
    rescue->on_call_begins();
    bell->ring();
    EXPECT_TRUE(wait([&] { return bell->heard == 1; }));
    rescue->on_call_ended();
    rescue->pause();
    rescue->pause();
    rescue->resume();
    rescue->resume();
}

TEST_F(RescueTest, AnotherThreadPausesNothing) {
    const int before = count_threads();
    std::thread([&] { rescue->pause(); }).join();
    EXPECT_EQ(count_threads(), before);
}

TEST_F(RescueTest, EndsAlsoWhilePaused) {
    rescue->pause();
    rescue.reset();
}

TEST_F(RescueTest, CallsOfAllLengthsOneAfterTheOther) {
    int expected = 0;
    for (int i = 0; i < 200; ++i) {
        rescue->on_call_begins();
        const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(i * 97);
        bell->ring();
        ++expected;
        while (std::chrono::steady_clock::now() < until) {
        }
        rescue->on_call_ended();
        loop.run_once(0ms);
        ASSERT_EQ(bell->heard, expected);
    }
    EXPECT_EQ(begun, ended);
    EXPECT_GT(begun, 0);
}

}  // namespace
}  // namespace mew::worker
