// The owner of all singletons, with the test as generations and as tasks.
#include "master/singletons.h"

#include <fcntl.h>

#include "master/test_task.h"

namespace mew::master {
namespace {

using base::Milliseconds;

class FakeSource final : public TaskSource {
public:
    explicit FakeSource(std::uint32_t number) : number_(number) {}
    std::uint32_t number() const override { return number_; }
    bool can_fork() const override { return ready; }
    base::Result<void> order_task(const TaskPlace& place, int far_end) override {
        if (deaf) return base::fail("deaf");
        orders.push_back({place, os::Fd(::fcntl(far_end, F_DUPFD_CLOEXEC, 0))});
        return {};
    }
    struct Order {
        TaskPlace place;
        os::Fd far;
    };
    bool ready = true;
    bool deaf = false;
    std::vector<Order> orders;

private:
    std::uint32_t number_;
};

class SingletonsTest : public TaskBench {
protected:
    SingletonsTest()
        : one(1),
          two(2),
          singletons(holdings,
                     {[this](std::uint32_t) { ++gone; },
                      [this](std::uint32_t generation, control::Kind) { asked_by = generation; }}) {
        options.singletons = {"clock=jobs:tick"};
    }
    // The newest order of the source gets a process and says hello.
    pid_t run(FakeSource& source) {
        const pid_t pid = start_child();
        say(source.orders.back().far.get(), control::Kind::hello, pid);
        EXPECT_EQ(hear(source.orders.back().far.get()), control::Kind::serve);
        return pid;
    }
    void die(pid_t pid) {
        ::kill(pid, SIGKILL);
        await_end_and_reap(pid);
    }
    // Turns until the source has so many orders.
    void await_orders(const FakeSource& source, std::size_t count) {
        while (source.orders.size() < count) turn(Milliseconds{20000});
    }

    options::Options options;
    FakeSource one;
    FakeSource two;
    int gone = 0;
    std::uint32_t asked_by = 0;
    Singletons singletons;
};

TEST_F(SingletonsTest, TheNextGenerationsTaskIsOrderedWhenTheOldOneIsGone) {
    singletons.commit(one, options);
    ASSERT_EQ(one.orders.size(), 1U);
    const pid_t first = run(one);
    singletons.commit(two, options);
    EXPECT_EQ(hear(one.orders[0].far.get()), control::Kind::retire);
    EXPECT_TRUE(two.orders.empty());
    say(one.orders[0].far.get(), control::Kind::left);
    one.orders[0].far.reset();
    turn();
    EXPECT_TRUE(two.orders.empty()) << "neither its word nor its socket's end is an end";
    die(first);
    ASSERT_EQ(two.orders.size(), 1U);
    EXPECT_EQ(two.orders[0].place.generation, 2U);
    run(two);
    EXPECT_EQ(one.orders.size(), 1U);
}

TEST_F(SingletonsTest, AnOrderThatNobodyTookIsGivenUpAtTheCommit) {
    singletons.commit(one, options);
    singletons.commit(two, options);
    ASSERT_EQ(two.orders.size(), 1U);
    EXPECT_TRUE(is_closed(one.orders[0].far.get())) << "it could still be told to serve";
    // Its pid comes too late, and nobody takes it for the new one's.
    control::Message late;
    late.kind = control::Kind::task_spawned;
    late.value = one.orders[0].place.order;
    late.pid = start_child();
    singletons.on_task_spawned(late);
    EXPECT_EQ(singletons.rows()[0].task->pid(), 0);
}

TEST_F(SingletonsTest, ACommitOfTheSameGenerationChangesNothing) {
    singletons.commit(one, options);
    run(one);
    singletons.commit(one, options);
    EXPECT_EQ(one.orders.size(), 1U);
    EXPECT_EQ(singletons.rows()[0].task->phase(), TaskPhase::running);
}

TEST_F(SingletonsTest, ARecalledGenerationTakesOverAgain) {
    singletons.commit(one, options);
    const pid_t first = run(one);
    singletons.commit(two, options);
    singletons.commit(one, options);
    EXPECT_EQ(singletons.rows()[0].task->phase(), TaskPhase::leaving);
    die(first);
    EXPECT_TRUE(two.orders.empty());
    EXPECT_EQ(one.orders.size(), 2U);
}

TEST_F(SingletonsTest, ListsMayChange) {
    singletons.commit(one, options);
    const pid_t first = run(one);
    options.singletons = {"jobs:a", "jobs:b"};
    singletons.commit(two, options);
    EXPECT_EQ(two.orders.size(), 2U);
    EXPECT_EQ(two.orders[1].place.number, 2U);
    EXPECT_EQ(singletons.rows().size(), 3U);
    die(first);
    EXPECT_EQ(two.orders.size(), 2U);
    EXPECT_EQ(singletons.rows().size(), 2U);
}

TEST_F(SingletonsTest, WaitsForAZygote) {
    one.ready = false;
    singletons.commit(one, options);
    EXPECT_TRUE(one.orders.empty());
    one.ready = true;
    singletons.go_on(two);
    EXPECT_TRUE(one.orders.empty());
    singletons.go_on(one);
    EXPECT_EQ(one.orders.size(), 1U);
}

TEST_F(SingletonsTest, AForkThatFailedIsOrderedAgain) {
    singletons.commit(one, options);
    one.orders[0].far.reset();
    turn();
    await_orders(one, 2);
    EXPECT_GT(one.orders[1].place.order, one.orders[0].place.order);
    EXPECT_EQ(singletons.rows()[0].starts, 0U);
}

TEST_F(SingletonsTest, AZygoteThatDoesNotHearIsAskedAgain) {
    one.deaf = true;
    singletons.commit(one, options);
    EXPECT_TRUE(singletons.rows()[0].waits);
    one.deaf = false;
    await_orders(one, 1);
    EXPECT_EQ(singletons.rows()[0].task->phase(), TaskPhase::ordered);
}

TEST_F(SingletonsTest, EarlyDeathsAreDelayed) {
    singletons.commit(one, options);
    die(run(one));
    EXPECT_EQ(one.orders.size(), 1U);
    EXPECT_TRUE(singletons.rows()[0].waits);
    EXPECT_EQ(singletons.rows()[0].deaths, 1U);
    await_orders(one, 2);
    run(one);
    EXPECT_EQ(singletons.rows()[0].starts, 2U);
}

TEST_F(SingletonsTest, FreshCodeIsNotMadeToWait) {
    singletons.commit(one, options);
    die(run(one));
    singletons.commit(two, options);
    EXPECT_EQ(two.orders.size(), 1U);
    EXPECT_FALSE(singletons.rows()[0].waits);
}

TEST_F(SingletonsTest, NothingIsOrderedFromAGenerationThatIsGone) {
    singletons.commit(one, options);
    const pid_t first = run(one);
    singletons.forget(one);
    die(first);
    singletons.go_on(one);
    EXPECT_EQ(one.orders.size(), 1U);
}

TEST_F(SingletonsTest, LeavingOnesAreOrderedAgainByTheNextCommitOnly) {
    singletons.commit(one, options);
    const pid_t first = run(one);
    EXPECT_TRUE(singletons.has_tasks_of(1));
    singletons.leave();
    EXPECT_EQ(hear(one.orders[0].far.get()), control::Kind::retire);
    die(first);
    EXPECT_FALSE(singletons.has_tasks_of(1));
    EXPECT_EQ(gone, 1);
    singletons.go_on(one);
    EXPECT_EQ(one.orders.size(), 1U);
    singletons.commit(two, options);
    EXPECT_EQ(two.orders.size(), 1U);
}

TEST_F(SingletonsTest, StopEndsThemAndStartsNone) {
    singletons.commit(one, options);
    const pid_t first = run(one);
    EXPECT_FALSE(singletons.empty());
    singletons.stop(Milliseconds{60000});
    EXPECT_EQ(hear(one.orders[0].far.get()), control::Kind::retire);
    EXPECT_EQ(gone, 0);
    die(first);
    EXPECT_EQ(gone, 1);
    EXPECT_TRUE(singletons.empty());
    singletons.commit(two, options);
    EXPECT_TRUE(two.orders.empty());
}

TEST_F(SingletonsTest, KillEndsThemAtOnce) {
    singletons.commit(one, options);
    const pid_t first = run(one);
    singletons.kill_all("test");
    await_end_and_reap(first);
    EXPECT_EQ(gone, 1);
}

TEST_F(SingletonsTest, RequestsNameTheGeneration) {
    singletons.commit(one, options);
    run(one);
    say(one.orders[0].far.get(), control::Kind::reload);
    EXPECT_EQ(asked_by, 1U);
}

}  // namespace
}  // namespace mew::master
