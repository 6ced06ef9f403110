#include "net/event_loop.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

namespace mew::net {
namespace {

using namespace std::chrono_literals;

// Time moves only when a test says so; a wait of the loop never takes real time in these tests
// because each has an event or a due timer.
class TestClock final : public base::Clock {
public:
    base::MonotonicTime now() override { return now_; }
    void advance(base::Milliseconds by) { now_ += by; }

private:
    base::MonotonicTime now_{};
};

struct Pipe {
    Pipe() {
        int fds[2];
        EXPECT_EQ(::pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
        read.reset(fds[0]);
        write.reset(fds[1]);
    }
    void poke() const { EXPECT_EQ(::write(write.get(), "x", 1), 1); }
    os::Fd read, write;
};

struct Recorder final : EventHandler {
    void on_event(std::uint32_t events) override {
        ++calls;
        last = events;
        if (action) action();
    }
    int calls = 0;
    std::uint32_t last = 0;
    std::function<void()> action;
};

class EventLoopTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(loop.open()); }
    TestClock clock;
    EventLoop loop{clock};
};

TEST_F(EventLoopTest, CallsTheHandlerOfAReadableDescriptor) {
    Pipe pipe;
    Recorder recorder;
    ASSERT_TRUE(loop.add(pipe.read.get(), EPOLLIN, recorder));
    EXPECT_EQ(loop.run_once(0ms), 0);
    pipe.poke();
    EXPECT_EQ(loop.run_once(0ms), 1);
    EXPECT_EQ(recorder.calls, 1);
    EXPECT_TRUE(recorder.last & EPOLLIN);
}

TEST_F(EventLoopTest, ARemovedHandlerIsNotCalledInTheSameBatch) {
    Pipe one, two;
    Recorder first, second;
    first.action = [&] { loop.remove(two.read.get(), second); };
    second.action = [&] { loop.remove(one.read.get(), first); };
    ASSERT_TRUE(loop.add(one.read.get(), EPOLLIN, first));
    ASSERT_TRUE(loop.add(two.read.get(), EPOLLIN, second));
    one.poke();
    two.poke();
    loop.run_once(0ms);
    EXPECT_EQ(first.calls + second.calls, 1);
}

TEST_F(EventLoopTest, DeferredObjectsLiveUntilTheBatchIsOver) {
    struct Witness {
        explicit Witness(bool& f) : flag(f) {}
        ~Witness() { flag = true; }
        bool& flag;
    };
    bool gone = false;
    bool gone_in_second = true;
    Pipe one, two;
    Recorder first, second;
    first.action = [&] { loop.defer_delete(std::make_unique<Witness>(gone)); };
    second.action = [&] { gone_in_second = gone; };
    ASSERT_TRUE(loop.add(one.read.get(), EPOLLIN, first));
    one.poke();
    ASSERT_TRUE(loop.add(two.read.get(), EPOLLIN, second));
    two.poke();
    loop.run_once(0ms);
    EXPECT_FALSE(gone_in_second);
    EXPECT_TRUE(gone);
}

TEST_F(EventLoopTest, TimersFireInOrderOfTheirTime) {
    std::string order;
    loop.start_timer(20ms, [&] { order += 'b'; });
    loop.start_timer(10ms, [&] { order += 'a'; });
    loop.start_timer(20ms, [&] { order += 'c'; });
    clock.advance(9ms);
    loop.run_once(0ms);
    EXPECT_EQ(order, "");
    clock.advance(11ms);
    loop.run_once();
    EXPECT_EQ(order, "abc");
}

TEST_F(EventLoopTest, ACancelledTimerStaysSilentAndTheNextOneStillFires) {
    int fired = 0;
    const TimerId id = loop.start_timer(5ms, [&] { fired += 100; });
    loop.start_timer(6ms, [&] { fired += 1; });
    loop.cancel_timer(id);
    clock.advance(10ms);
    loop.run_once();
    EXPECT_EQ(fired, 1);
}

TEST_F(EventLoopTest, ATimerMayStartAndCancelOthers) {
    int fired = 0;
    TimerId victim = 0;
    loop.start_timer(1ms, [&] {
        loop.cancel_timer(victim);
        loop.start_timer(1ms, [&] { fired += 1; });
    });
    victim = loop.start_timer(2ms, [&] { fired += 100; });
    clock.advance(2ms);
    loop.run_once();
    EXPECT_EQ(fired, 0);
    clock.advance(1ms);
    loop.run_once();
    EXPECT_EQ(fired, 1);
}

TEST_F(EventLoopTest, HooksFrameOnlyAWaitThatBlocks) {
    int before = 0, after = 0;
    struct Counts {
        int* before;
        int* after;
    } counts{&before, &after};
    loop.set_wait_hooks({[](void* c) { ++*static_cast<Counts*>(c)->before; },
                         [](void* c) { ++*static_cast<Counts*>(c)->after; }, &counts});
    Pipe pipe;
    Recorder recorder;
    ASSERT_TRUE(loop.add(pipe.read.get(), EPOLLIN, recorder));
    pipe.poke();
    loop.run_once();
    EXPECT_EQ(before, 0);
    char byte;
    ASSERT_EQ(::read(pipe.read.get(), &byte, 1), 1);
    loop.run_once(1ms);
    EXPECT_EQ(before, 1);
    EXPECT_EQ(after, 1);
}

TEST_F(EventLoopTest, RefusesADescriptorThatIsNotOpen) {
    Recorder recorder;
    const auto added = loop.add(9999, EPOLLIN, recorder);
    ASSERT_FALSE(added);
    EXPECT_EQ(added.error().code, EBADF);
}

}  // namespace
}  // namespace mew::net
