#include "master/life_signs.h"

#include <csignal>

#include <gtest/gtest.h>

namespace mew::master {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

// What a worker would have written, in milliseconds before now.
class LifeSignsTest : public ::testing::Test {
protected:
    std::uint64_t ago(milliseconds before) const {
        return static_cast<std::uint64_t>(
            std::chrono::duration_cast<microseconds>((now - before).time_since_epoch()).count());
    }
    void request(milliseconds lasts) {
        slot.state = stats::WorkerState::busy;
        slot.request_started_us = ago(lasts);
    }
    void beats(milliseconds native, milliseconds python) {
        slot.native_beat_us = ago(native);
        slot.python_beat_us = ago(python);
    }
    std::string doing() const { return describe_doing(slot, now, stop_watch); }
    Sign sign() const { return read_signs(slot, now).sign; }

    stats::Slot slot{};
    base::MonotonicTime now{std::chrono::hours(5)};
    StopWatch stop_watch;
};

TEST_F(LifeSignsTest, WithoutARequestTheStateSays) {
    slot.state = stats::WorkerState::idle;
    EXPECT_EQ(doing(), "idle");
    slot.state = stats::WorkerState::ready;
    EXPECT_EQ(doing(), "ready, not serving yet");
    slot.state = stats::WorkerState::retiring;
    EXPECT_EQ(doing(), "retiring");
    slot.state = stats::WorkerState::starting;
    EXPECT_EQ(doing(), "starting");
}

TEST_F(LifeSignsTest, YoungRequestsHaveNoSign) {
    request(milliseconds(900));
    EXPECT_EQ(doing(), "inside a request for 0.9 s");
    request(milliseconds(3900));
    EXPECT_EQ(sign(), Sign::none) << "its first beat may be late";
}

TEST_F(LifeSignsTest, AGilThatNobodyGivesBack) {
    request(milliseconds(12300));
    beats(milliseconds(100), milliseconds(20000));
    slot.gil_wait_us = ago(milliseconds(11200));
    EXPECT_EQ(sign(), Sign::gil_held);
    EXPECT_EQ(doing(), "inside a request for 12.3 s, the GIL held for 11.2 s");
    slot.gil_wait_us = ago(milliseconds(300));
    EXPECT_EQ(sign(), Sign::none);
}

TEST_F(LifeSignsTest, AProcessThatDoesNotRun) {
    request(milliseconds(60000));
    beats(milliseconds(30000), milliseconds(30100));
    EXPECT_EQ(doing(), "inside a request for 60.0 s, without a sign of life for 30.0 s");
    slot.gil_wait_us = ago(milliseconds(29000));
    EXPECT_EQ(sign(), Sign::silent) << "what waits for the GIL does not run either";
    beats(milliseconds(90000), milliseconds(90000));
    EXPECT_EQ(doing(), "inside a request for 60.0 s, without a sign of life for 60.0 s");
}

TEST_F(LifeSignsTest, AnAppThatWaits) {
    request(milliseconds(5000));
    beats(milliseconds(200), milliseconds(200));
    slot.gil_took_us = 40;
    EXPECT_EQ(doing(), "inside a request for 5.0 s, waiting for something (the GIL is free)");
}

TEST_F(LifeSignsTest, AnAppThatComputes) {
    request(milliseconds(5000));
    beats(milliseconds(200), milliseconds(200));
    slot.gil_took_us = 5100;
    EXPECT_EQ(doing(), "inside a request for 5.0 s, running Python code");
    slot.python_beat_us = ago(milliseconds(5001));
    EXPECT_EQ(sign(), Sign::none) << "a sign of the request before";
}

TEST_F(LifeSignsTest, AStoppedProcess) {
    slot.state = stats::WorkerState::idle;
    stop_watch.on_stopped("worker 1", SIGSTOP, now - milliseconds(3200));
    EXPECT_EQ(doing(), "idle, stopped by SIGSTOP for 3.2 s");
    request(milliseconds(60000));
    EXPECT_EQ(doing(), "inside a request for 60.0 s, stopped by SIGSTOP for 3.2 s");
    stop_watch.on_continued("worker 1", now);
    EXPECT_FALSE(stop_watch.stopped());
}

TEST_F(LifeSignsTest, AClockThatIsAheadIsNoNegativeTime) {
    slot.request_started_us = ago(milliseconds(-50));
    EXPECT_EQ(read_signs(slot, now).request, 0);
    EXPECT_EQ(read_signs(slot, now).sign, Sign::none);
}

}  // namespace
}  // namespace mew::master
