// Requests and answers through a channel, both ends in one process; on two threads for the thread
// sanitizer.
#include <poll.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "mailbox/test_channel.h"

namespace mew::mailbox {
namespace {

using testing::Ends;
using testing::Head;
using testing::request_of;

constexpr int kDeadlineMs = 20000;
const WaitFrame kNoFrame;

std::string payload(PostingSide& side, std::uint32_t slot, const PostingSide::Piece& piece) {
    std::string bytes(piece.size, '\0');
    side.copy(slot, piece, bytes.data());
    return bytes;
}

void expect_record(PostingSide& side, std::uint32_t slot, RecordKind kind,
                   const std::string& bytes) {
    PostingSide::Piece piece;
    ASSERT_EQ(side.look(slot, piece), PostingSide::Look::record);
    EXPECT_EQ(piece.kind, kind);
    EXPECT_EQ(payload(side, slot, piece), bytes);
    side.consume(slot, piece);
}

class ExchangeTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(ends.taking);
        posting = ends.posting.get();
        taking = ends.taking.get();
    }
    std::uint32_t post(const std::string& path) {
        const Head head(path);
        const auto slot = posting->post(request_of(head));
        EXPECT_TRUE(slot);
        return slot.value_or(0);
    }
    Ends ends;
    PostingSide* posting = nullptr;
    TakingSide* taking = nullptr;
};

TEST_F(ExchangeTest, ARequestComesAsItWasSent) {
    const std::uint32_t slot = post("/a");
    auto taken = taking->take();
    ASSERT_TRUE(taken);
    http::RequestHead head;
    ASSERT_TRUE(taken->read_head(head));
    EXPECT_EQ(head.method(), "GET");
    EXPECT_EQ(head.path(), "/a");
    ASSERT_EQ(head.fields().size(), 1U);
    EXPECT_EQ(head.value(head.fields()[0]), "x");
    EXPECT_EQ(taken->address(), "192.0.2.1");
    EXPECT_EQ(taken->port(), "1234");
    EXPECT_TRUE(taken->write(RecordKind::body, "hello ", "you", kNoFrame));
    EXPECT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    expect_record(*posting, slot, RecordKind::body, "hello you");
    expect_record(*posting, slot, RecordKind::end, "");
    posting->free(slot);
    EXPECT_EQ(posting->used(), 0U);
    EXPECT_FALSE(taking->take());
}

TEST_F(ExchangeTest, ARevokedRequestIsNotTaken) {
    const std::uint32_t first = post("/first");
    const std::uint32_t second = post("/second");
    ASSERT_TRUE(posting->revoke(first));
    // Its slot is used again before the worker came by.
    EXPECT_EQ(post("/third"), first);
    auto taken = taking->take();
    http::RequestHead head;
    ASSERT_TRUE(taken && taken->read_head(head));
    EXPECT_EQ(head.path(), "/second");
    EXPECT_FALSE(posting->revoke(second)) << "it was taken";
    EXPECT_TRUE(posting->taken(second));
    auto next = taking->take();
    ASSERT_TRUE(next && next->read_head(head));
    EXPECT_EQ(head.path(), "/third");
    EXPECT_FALSE(taking->take());
}

TEST_F(ExchangeTest, ManyRevokedOnesFillTheOrders) {
    const Head head("/");
    for (std::uint32_t i = 0; i < kOrders; ++i) {
        const auto slot = posting->post(request_of(head));
        ASSERT_TRUE(slot) << i;
        ASSERT_TRUE(posting->revoke(*slot));
    }
    EXPECT_FALSE(posting->post(request_of(head))) << "the worker has to pass them first";
    EXPECT_FALSE(taking->take());
    EXPECT_TRUE(posting->post(request_of(head)));
}

TEST_F(ExchangeTest, AHeadThatIsTooLargeFitsNowhere) {
    const Head head("/" + std::string(testing::kHeadRoom, 'x'));
    EXPECT_FALSE(posting->fits(head.head));
    EXPECT_FALSE(posting->post(request_of(head)));
}

TEST_F(ExchangeTest, ABodyStreams) {
    const Head head("/");
    Request request = request_of(head);
    request.body = BodyWay::ring;
    request.body_bytes = "one";
    const auto slot = posting->post(request);
    ASSERT_TRUE(slot);
    auto taken = taking->take();
    http::RequestHead got;
    ASSERT_TRUE(taken && taken->read_head(got));
    EXPECT_EQ(taken->body(), "one");
    EXPECT_EQ(posting->body_room(*slot), kBodyRing - 3);
    taken->release(3);
    EXPECT_EQ(posting->body_room(*slot), kBodyRing);
    EXPECT_EQ(taken->body(), "");
    EXPECT_EQ(taken->body_end(), kBodyOpen);
    posting->write_body(*slot, "two");
    posting->end_body(*slot, 408);
    EXPECT_TRUE(taken->await_body(kNoFrame));
    EXPECT_EQ(taken->body(), "two");
    EXPECT_EQ(taken->body_end(), 408U);
}

TEST_F(ExchangeTest, WhatHasBegunIsNeverTakenBack) {
    // Answered without being taken.
    const std::uint32_t slot = post("/");
    ends.hostile.control(slot).reply_written.store(sizeof(Record));
    PostingSide::Piece piece;
    EXPECT_EQ(posting->look(slot, piece), PostingSide::Look::record);
    EXPECT_TRUE(posting->taken(slot));
    EXPECT_FALSE(posting->revoke(slot));
    // Taken, and then it says that it never was.
    const std::uint32_t other = post("/other");
    std::atomic<std::uint64_t>& state = ends.hostile.control(other).state;
    const std::uint64_t posted = state.exchange(0);
    EXPECT_TRUE(posting->taken(other));
    state.store(posted);
    EXPECT_TRUE(posting->taken(other));
    EXPECT_FALSE(posting->revoke(other));
}

// Else whoever reads until there is nothing might never be done.
TEST_F(ExchangeTest, WhoWritesBeyondItsCreditIsBroken) {
    const std::uint32_t slot = post("/");
    SlotControl& control = ends.hostile.control(slot);
    PostingSide::Piece piece;
    for (std::uint32_t i = 0; i < kReplyRing / sizeof(Record); ++i) {
        control.reply_written.fetch_add(sizeof(Record));
        ASSERT_EQ(posting->look(slot, piece), PostingSide::Look::record);
        posting->consume(slot, piece);
    }
    posting->give_credit(slot);
    control.reply_written.fetch_add(sizeof(Record));
    ASSERT_EQ(posting->look(slot, piece), PostingSide::Look::record);
    posting->consume(slot, piece);
    control.reply_written.fetch_add(kReplyRing);
    EXPECT_EQ(posting->look(slot, piece), PostingSide::Look::broken);
}

// A bool that is neither true nor false must not be looked at.
TEST_F(ExchangeTest, OddBytesInAFrameAreRefused) {
    const std::size_t fields = sizeof(RequestFrame);
    for (const std::size_t at :
         {offsetof(RequestFrame, facts.https), fields + offsetof(http::FieldSlices, cgi)}) {
        const std::uint32_t slot = post("/");
        ends.hostile.head(slot)[at] = 2;
        auto taken = taking->take();
        http::RequestHead head;
        ASSERT_TRUE(taken);
        EXPECT_FALSE(taken->read_head(head)) << at;
    }
}

TEST_F(ExchangeTest, DoorbellsRingOnlyForSleepers) {
    pollfd bell{taking->socket(), POLLIN, 0};
    post("/awake");
    posting->ring();
    EXPECT_EQ(::poll(&bell, 1, 0), 0);
    EXPECT_FALSE(taking->prepare_sleep()) << "there is a request";
    ASSERT_TRUE(taking->take());
    ASSERT_TRUE(taking->prepare_sleep());
    post("/asleep");
    posting->ring();
    posting->ring();
    EXPECT_EQ(::poll(&bell, 1, kDeadlineMs), 1);
    EXPECT_TRUE(taking->hear());
    EXPECT_EQ(::poll(&bell, 1, 0), 0) << "once is enough";
}

TEST_F(ExchangeTest, HeldAnswersAreNoReasonToStayAwake) {
    const std::uint32_t slot = post("/");
    auto taken = taking->take();
    ASSERT_TRUE(taken && taken->write(RecordKind::body, "x", {}, kNoFrame));
    EXPECT_FALSE(posting->prepare_sleep());
    posting->hold(slot, true);
    EXPECT_TRUE(posting->prepare_sleep());
}

TEST_F(ExchangeTest, AnEndOfTheFrontWakesAWaitingWorker) {
    post("/");
    auto taken = taking->take();
    ASSERT_TRUE(taken);
    const std::string much(Taken::kMostBody, 'x');
    std::thread writer([&] {
        while (taken->write(RecordKind::body, much, {}, kNoFrame)) {
        }
        EXPECT_FALSE(taken->finish(RecordKind::end, {}, kNoFrame));
    });
    ends.posting.reset();
    while (taking->hear()) std::this_thread::yield();
    writer.join();
}

TEST_F(ExchangeTest, WhoCountsWronglyKeepsNobodyAwake) {
    ends.hostile.front_line().tail.store(kOrders + 1);
    EXPECT_FALSE(taking->prepare_sleep());
    EXPECT_FALSE(taking->take());
    EXPECT_TRUE(taking->prepare_sleep());
}

TEST_F(ExchangeTest, ALeaverTakesNothing) {
    const std::uint32_t slot = post("/");
    taking->leave();
    EXPECT_FALSE(taking->take());
    Received received;
    ASSERT_EQ(receive_packet(posting->socket(), received), Receipt::packet);
    EXPECT_EQ(received.packet.kind, PacketKind::leaving);
    EXPECT_TRUE(posting->revoke(slot));
}

// --- two threads

// A worker that answers every request with its path, `copies` times.
void serve(TakingSide& side, int copies) {
    http::RequestHead head;
    for (;;) {
        while (auto taken = side.take()) {
            if (!taken->read_head(head)) return;
            const std::string path(head.path());
            for (int i = 0; i < copies; ++i) {
                if (!taken->write(RecordKind::body, path, {}, kNoFrame)) return;
            }
            if (!taken->finish(RecordKind::end, {}, kNoFrame)) return;
            side.ring();
        }
        if (!side.prepare_sleep()) continue;
        pollfd bell{side.socket(), POLLIN, 0};
        if (::poll(&bell, 1, kDeadlineMs) != 1) return;  // a wake-up was lost
        side.awake();
        if (!side.hear()) return;
    }
}

// Reads what there is; frees slots that are done, and counts them.
int collect(PostingSide& side, const std::vector<std::size_t>& asked,
            std::vector<std::string>& answers) {
    int done = 0;
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        PostingSide::Piece piece;
        while (side.in_use(slot) && side.look(slot, piece) == PostingSide::Look::record) {
            if (piece.kind == RecordKind::body) answers[asked[slot]] += payload(side, slot, piece);
            side.consume(slot, piece);
            if (piece.kind == RecordKind::end) {
                side.free(slot);
                ++done;
            } else {
                side.give_credit(slot);
            }
        }
    }
    return done;
}

void exchange(Ends& ends, std::size_t requests, int copies) {
    std::thread worker([&] { serve(*ends.taking, copies); });
    PostingSide& side = *ends.posting;
    std::vector<std::size_t> asked(kSlots);  // the number of the request in each slot
    std::vector<std::string> answers(requests);
    std::size_t posted = 0;
    std::size_t done = 0;
    while (done < requests) {
        while (posted < requests) {
            const Head head("/" + std::to_string(posted));
            const auto slot = side.post(request_of(head));
            if (!slot) break;
            asked[*slot] = posted++;
        }
        side.ring();
        const int now = collect(side, asked, answers);
        done += static_cast<std::size_t>(now);
        if (now != 0 || !side.prepare_sleep()) continue;
        pollfd bell{side.socket(), POLLIN, 0};
        ASSERT_EQ(::poll(&bell, 1, kDeadlineMs), 1) << "a wake-up was lost after " << done;
        side.awake();
        Received received;
        while (receive_packet(side.socket(), received) == Receipt::packet) {
        }
    }
    ends.posting.reset();
    worker.join();
    for (std::size_t i = 0; i < requests; ++i) {
        std::string whole;
        for (int n = 0; n < copies; ++n) whole += "/" + std::to_string(i);
        ASSERT_EQ(answers[i], whole);
    }
}

TEST(Threads, NoWakeUpIsLost) {
    Ends ends;
    ASSERT_TRUE(ends.taking);
    exchange(ends, 20000, 1);
}

TEST(Threads, AnswersLargerThanTheirRingArriveWhole) {
    Ends ends;
    ASSERT_TRUE(ends.taking);
    exchange(ends, 40, 20000);
}

}  // namespace
}  // namespace mew::mailbox
