// HTTP/2 connections of a front: many exchanges of one client, and the workers that serve them.
#include "front/test_http2.h"

namespace mew::front {
namespace {

using mailbox::RecordKind;
using testing::answer;
using testing::head_bytes;
using testing::Http2Test;
using testing::kNoFrame;
using Fields = http2::testing::Fields;

TEST_F(Http2Test, ServesARequest) {
    auto one = worker(1);
    const std::int32_t stream = peer.get("/cat");
    std::string path;
    const auto taken = next(one, &path);
    EXPECT_EQ(path, "/cat");
    answer(*taken, "miaow");
    EXPECT_EQ(wait_for(stream).body, "miaow");
    EXPECT_EQ(peer.answer(stream).status, 200);
    EXPECT_TRUE(peer.answer(stream).complete);
    EXPECT_EQ(slot.http2_connections.load(), 1U);
}

TEST_F(Http2Test, ServesHttp1ToThoseWhoSpeakIt) {
    auto one = worker(1);
    const os::Fd other = client();
    send(other, testing::get("/old"));
    std::string path;
    const auto taken = take(one, &path);
    EXPECT_EQ(path, "/old");
    answer(*taken, "one at a time");
    EXPECT_NE(read_until(other, "one at a time").find("HTTP/1.1 200 OK"), std::string::npos);
}

TEST_F(Http2Test, StreamsOfOneConnectionGoToDifferentWorkers) {
    auto one = worker(1);
    auto two = worker(2);
    const std::int32_t first = peer.get("/1");
    const std::int32_t second = peer.get("/2");
    std::string of_one;
    std::string of_two;
    const auto taken = next(one, &of_one);
    const auto other = next(two, &of_two);
    EXPECT_NE(of_one, of_two);
    answer(*other, of_two);
    EXPECT_EQ(wait_for(of_two == "/1" ? first : second).body, of_two);
    answer(*taken, of_one);
    EXPECT_EQ(wait_for(of_one == "/1" ? first : second).body, of_one);
}

TEST_F(Http2Test, ABodyComesWholeAndALargeOneAsAStream) {
    settings.request_buffer = 65536;
    auto one = worker(1);
    const std::string body(400000, 'b');
    const std::int32_t stream = post(body);
    const auto taken = next(one);
    std::string got;
    until_there([&] {
        for (std::string_view piece = taken->body(); !piece.empty(); piece = taken->body()) {
            got += piece;
            taken->release(piece.size());
        }
        taken->ring();
        return got.size() == body.size();
    });
    EXPECT_TRUE(got == body) << got.size() << " unsent " << unsent.size();
    answer(*taken, "thanks");
    EXPECT_EQ(wait_for(stream).body, "thanks");
}

// A client that gives one stream no credit holds no worker, and no other stream.
TEST_F(Http2Test, AStreamWithoutCreditHoldsNobody) {
    auto one = worker(1);
    const nghttp2_settings_entry none{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    (void)::nghttp2_submit_settings(peer.session(), NGHTTP2_FLAG_NONE, &none, 1);
    const std::int32_t held = peer.get("/large");
    const std::string large(1U << 20, 'l');
    {
        const auto taken = next(one);
        ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, large.size()), {}, kNoFrame));
        std::size_t at = 0;
        until_there([&] {
            const mailbox::SlotControl& control = one.spy.control(0);
            while (at < large.size() && control.reply_written.load() - control.reply_read.load() <=
                                            mailbox::kReplyRing - 20000) {
                const std::size_t size = std::min<std::size_t>(16000, large.size() - at);
                EXPECT_TRUE(taken->write(RecordKind::body, std::string_view(large).substr(at, size),
                                         {}, kNoFrame));
                at += size;
                taken->ring();
            }
            return at == large.size();
        });
        ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
        taken->ring();
    }
    const std::int32_t empty = peer.request(
        {{":method", "HEAD"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}});
    answer(*next(one), "");
    EXPECT_EQ(wait_for(empty).status, 200);
    EXPECT_TRUE(peer.answer(held).body.empty());
    // Its credit comes, a little at first.
    (void)::nghttp2_submit_window_update(peer.session(), NGHTTP2_FLAG_NONE, held, 1000);
    until_there([&] { return peer.answer(held).body.size() == 1000; });
    const nghttp2_settings_entry much{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1U << 20};
    (void)::nghttp2_submit_settings(peer.session(), NGHTTP2_FLAG_NONE, &much, 1);
    EXPECT_TRUE(wait_for(held).body == large);
}

TEST_F(Http2Test, AStreamThatStaysWithoutCreditIsGivenUp) {
    auto one = worker(1);
    context->deadlines.set_duration(client::Limit::send, base::Milliseconds{1000});
    const nghttp2_settings_entry none{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0};
    (void)::nghttp2_submit_settings(peer.session(), NGHTTP2_FLAG_NONE, &none, 1);
    const std::int32_t stream = peer.get("/");
    answer(*next(one), "nobody takes it");
    until_there([&] { return peer.answer(stream).status == 200; });
    clock.advance(base::Milliseconds{1100});
    EXPECT_EQ(wait_for(stream).error, static_cast<std::uint32_t>(NGHTTP2_CANCEL));
    EXPECT_EQ(slot.send_timeouts.load(), 1U);
    EXPECT_FALSE(ended(browser));
}

TEST_F(Http2Test, ABodyThatStaysAwayIsRefused) {
    auto one = worker(1);
    context->deadlines.set_duration(client::Limit::body, base::Milliseconds{1000});
    // A head that says that more comes.
    exchange();
    send(browser, http2::testing::Client::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1,
                                                std::string("\x83\x86\x84\x41\x01x", 6)));
    until([&] {
        turn();
        return slot.requests.load() == 1;
    });
    (void)received(browser);
    clock.advance(base::Milliseconds{1100});
    until([&] {
        turn();
        return slot.body_timeouts.load() == 1;
    });
    EXPECT_FALSE(one.side->take());
}

TEST_F(Http2Test, AResetIsHeardByItsWorker) {
    auto one = worker(1);
    const std::int32_t stream = peer.get("/");
    const auto taken = next(one);
    peer.reset(stream);
    until_there([&] { return taken->cancelled(); });
    EXPECT_EQ(slot.cancelled.load(), 1U);
    EXPECT_FALSE(ended(browser));
}

TEST_F(Http2Test, ADeadWorkerTakesItsUnsafeStreamsWithItOnly) {
    auto one = worker(1);
    const std::int32_t unsafe = post("order");
    (void)next(one);
    auto two = worker(2);
    const std::int32_t other = peer.get("/other");
    std::string path;
    const auto taken = next(two, &path);
    one.side.reset();
    EXPECT_EQ(wait_for(unsafe).status, 502);
    answer(*taken, path);
    EXPECT_EQ(wait_for(other).body, "/other");
}

TEST_F(Http2Test, HintsGoAheadOfTheAnswer) {
    auto one = worker(1);
    const std::int32_t stream = peer.get("/");
    const auto taken = next(one);
    const std::string hints =
        head_bytes(200, UINT64_MAX, {{"Link", "</a.css>; rel=preload", http::FieldName::link}});
    ASSERT_TRUE(taken->write(RecordKind::hints, hints, {}, kNoFrame));
    taken->ring();
    until_there([&] { return peer.answer(stream).interim == std::vector<int>{103}; });
    EXPECT_EQ(peer.answer(stream).fields.front().second, "</a.css>; rel=preload");
    answer(*taken, "page");
    EXPECT_EQ(wait_for(stream).body, "page");
}

TEST_F(Http2Test, HintsThatMayNotBeSentEndTheirAnswerOnly) {
    auto one = worker(1);
    const std::int32_t stream = peer.get("/");
    const auto taken = next(one);
    ASSERT_TRUE(taken->write(RecordKind::hints, head_bytes(200, UINT64_MAX, {{"A\r\nB", "c"}}), {},
                             kNoFrame));
    taken->ring();
    EXPECT_EQ(wait_for(stream).status, 502);
    EXPECT_TRUE(peer.answer(stream).interim.empty());
}

TEST_F(Http2Test, AnAnswerThatBreaksIsAResetAndTheConnectionStays) {
    auto one = worker(1);
    const std::int32_t stream = peer.get("/");
    const auto taken = next(one);
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, 10), {}, kNoFrame));
    ASSERT_TRUE(taken->write(RecordKind::body, "half", {}, kNoFrame));
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    taken->ring();
    EXPECT_EQ(wait_for(stream).error, static_cast<std::uint32_t>(NGHTTP2_INTERNAL_ERROR));
    EXPECT_FALSE(peer.answer(stream).complete);
    const std::int32_t next_stream = peer.get("/again");
    answer(*next(one), "well");
    EXPECT_EQ(wait_for(next_stream).body, "well");
}

TEST_F(Http2Test, ADrainServesWhatIsInFlightAndSaysWhatWas) {
    auto one = worker(1);
    const std::int32_t stream = peer.get("/");
    const auto taken = next(one);
    context->connections.front().drain();
    until_there([&] { return peer.told_to_go(); });
    clock.advance(base::Milliseconds{1000});
    until_there([&] { return peer.last_stream() == stream; });
    answer(*taken, "the last");
    EXPECT_EQ(wait_for(stream).body, "the last");
    until([&] {
        turn();
        return ended(browser);
    });
}

TEST_F(Http2Test, AnIdleConnectionIsToldBeforeItsEnd) {
    auto one = worker(1);
    context->deadlines.set_duration(client::Limit::keepalive, base::Milliseconds{1000});
    const std::int32_t stream = peer.get("/");
    answer(*next(one), "once");
    (void)wait_for(stream);
    exchange();
    clock.advance(base::Milliseconds{1100});
    until_there([&] { return peer.told_to_go(); });
    EXPECT_EQ(peer.goaway_error(), 0U);
    EXPECT_EQ(slot.keepalive_timeouts.load(), 1U);
}

TEST_F(Http2Test, WhatItDoesNotKnowIsRefusedInItsOwnStream) {
    auto one = worker(1);
    const std::int32_t bad = peer.request({{":method", "CONNECT"}, {":authority", "x:1"}});
    const std::int32_t good = peer.get("/");
    EXPECT_EQ(wait_for(bad).status, 501);
    answer(*next(one), "served");
    EXPECT_EQ(wait_for(good).body, "served");
    EXPECT_EQ(slot.refused.load(), 1U);
}

}  // namespace
}  // namespace mew::front
