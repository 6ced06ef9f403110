// Workers that break the rules, from what the fuzz target of the mailbox found.
#include "front/test_front.h"

namespace mew::front {
namespace {

using mailbox::RecordKind;
using testing::FrontTest;
using testing::get;

// A record of a worker that has not taken the request, or any other.
void put_record(const mailbox::Channel& memory, std::uint32_t slot, RecordKind kind) {
    const mailbox::Record record{static_cast<std::uint32_t>(kind), 0};
    std::atomic<std::uint64_t>& written = memory.control(slot).reply_written;
    memory.reply_ring(slot).put(written.load(),
                                {reinterpret_cast<const char*>(&record), sizeof record});
    written.fetch_add(sizeof record);
}

TEST_F(FrontTest, AnAnswerToWhatWasNotTakenHarmsItselfOnly) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/"));
    turn();
    put_record(one.spy, 0, RecordKind::head);
    put_record(one.spy, 0, RecordKind::end);
    EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 502 "));
    until([&] { return slot.outstanding.load() == 0; });
}

TEST_F(FrontTest, ALentConnectionGetsNothingFromTheFront) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/"));
    auto taken = take(one);
    ASSERT_TRUE(taken->ask_for_connection(mailbox::Lend::until_end, testing::kNoFrame));
    ASSERT_TRUE(taken->write(RecordKind::body, "no answer", {}, testing::kNoFrame));
    taken->ring();
    std::string got;
    until([&] {
        got += received(browser);
        return ended(browser);
    });
    EXPECT_EQ(got, "");
}

TEST_F(FrontTest, AConnectionIsLentInTheWaysThereAre) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/"));
    auto taken = take(one);
    ASSERT_TRUE(taken->write(RecordKind::lend, "odd", {}, testing::kNoFrame));
    taken->ring();
    EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 502 "));
}

// Whichever it is looked for first.
TEST_F(FrontTest, AnIdleWorkerThatTakesNothingKeepsNobodyWaiting) {
    auto full = worker(1);
    auto broken_one = worker(2);
    auto good = worker(3);
    for (std::uint32_t i = 0; i < mailbox::kOrders; ++i) full.spy.worker_line().head.fetch_sub(1);
    broken_one.spy.worker_line().head.store(77);
    for (int i = 0; i < 6; ++i) {
        const os::Fd browser = client();
        send(browser, get("/"));
        turn();
        auto taken = good.side->take();
        ASSERT_TRUE(taken);
        testing::answer(*taken, "good");
        EXPECT_EQ(slot.queued.load(), 0U);
        read_until(browser, "good");
    }
    ASSERT_EQ(broken.size(), 1U) << "it is told of, though it has no request";
    EXPECT_EQ(broken[0].first, broken_one.id);
}

// It takes requests, but nothing from its socket: no file can be sent to it.
TEST_F(FrontTest, AWorkerThatDoesNotHearGetsNoFiles) {
    settings.request_buffer = 1U << 20;
    auto deaf = worker(1);
    const os::Fd first = client();
    for (int rings = 0; rings < 400; ++rings) {
        deaf.spy.worker_line().sleeping.store(1);
        send(first, get("/"));
        testing::answer(*take(deaf), "deaf");
        read_until(first, "deaf");
    }
    auto good = worker(2);
    const std::string body(100000, 'b');
    for (int i = 0; i < 4; ++i) {
        if (i % 2 != 0) turn();  // another one is looked at first
        const os::Fd browser = client();
        send(browser, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + body);
        turn();
        turn();  // it comes in two pieces
        EXPECT_EQ(slot.queued.load(), 0U);
        testing::answer(*take(good), "good");
        read_until(browser, "good");
    }
}

}  // namespace
}  // namespace mew::front
