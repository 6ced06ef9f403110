// When a connection ends, waits or moves: limits of time, busy cores, other workers.

#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/handover.h"
#include "worker/test_connection.h"

namespace mew::worker {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

TEST_F(ConnectionTest, AReaderThatStandsStillIsClosedAfterItsTime) {
    const std::string large(900'000, 'z');
    app.action = [&](http::Exchange& exchange) { TestApp::answer(exchange, large); };
    const os::Fd client = connect();
    send(client, kGet);
    let_time_pass(2s);
    EXPECT_EQ(open_connections(), 0);
    EXPECT_EQ(slot.timeouts.load(), 1U);
}

TEST_F(ConnectionTest, LimitsOfTime) {
    const os::Fd silent = connect();  // never sends a byte: closed, no answer
    const os::Fd half = connect();    // half a head: 408
    const os::Fd body = connect();    // half a body: 408
    const os::Fd idle = connect();    // between requests: closed, no answer
    send(half, "GET / HT");
    send(body, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab");
    send(idle, kGet);
    (void)receive(idle);
    let_time_pass(20s);
    send(half, "TP/1.1\r\n");  // the limit is for the whole head: a trickle does not move it
    let_time_pass(11s);
    EXPECT_EQ(receive(silent), "<end>");
    EXPECT_THAT(receive(half), StartsWith("HTTP/1.1 408 "));
    EXPECT_EQ(receive(body), "");
    let_time_pass(30s);
    EXPECT_THAT(receive(body), StartsWith("HTTP/1.1 408 "));
    EXPECT_EQ(receive(idle), "");
    let_time_pass(15s);
    EXPECT_EQ(receive(idle), "<end>");
    EXPECT_EQ(app.calls, 1);
}

TEST_F(ConnectionTest, ALongCallOfTheAppDoesNotEatTheNextKeepAliveTime) {
    app.action = [&](http::Exchange& exchange) {
        clock.advance(100s);
        TestApp::answer(exchange, "late");
    };
    const os::Fd client = connect();
    send(client, kGet);
    turn();
    EXPECT_THAT(receive(client), EndsWith("late"));
    let_time_pass(74s);
    EXPECT_EQ(receive(client), "");
}

TEST_F(ConnectionTest, AMovedConnectionIsServedElsewhereWithItsUnreadBytes) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    const os::Fd give(pair[0]);
    const os::Fd take(pair[1]);
    const os::Fd client = connect();
    send(client, kGet.substr(0, 10));
    ASSERT_TRUE(context->connections.front().movable());
    context->handover_fd = give.get();
    ASSERT_TRUE(hand_over(*context, context->connections.front()));
    loop.run_once(0ms);
    EXPECT_EQ(open_connections(), 0);

    HandoverTaker taker(*context, take.get(), [] {});
    ASSERT_TRUE(taker.start());
    turn();
    EXPECT_EQ(open_connections(), 1);
    send(client, kGet.substr(10));
    EXPECT_THAT(receive(client), EndsWith("hello\n"));
}

TEST_F(ConnectionTest, AConnectionMovesWithWhatCameOfItsBody) {
    std::string body;
    app.action = [&](http::Exchange& exchange) {
        for (;;) {
            auto piece = exchange.body->read();
            ASSERT_TRUE(piece);
            if (piece->empty()) break;
            body += *piece;
        }
        TestApp::answer(exchange, "ok");
    };
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    const os::Fd give(pair[0]);
    const os::Fd take(pair[1]);
    context->handover_fd = give.get();
    HandoverTaker taker(*context, take.get(), [] {});
    ASSERT_TRUE(taker.start());
    const os::Fd client = connect();
    send(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab");
    ASSERT_TRUE(context->connections.front().movable());
    ASSERT_TRUE(hand_over(*context, context->connections.front()));
    turn();
    send(client, "cdefghi");
    EXPECT_EQ(body, "abcdefghi");
    EXPECT_THAT(receive(client), EndsWith("ok"));
    EXPECT_EQ(slot.handed_on.load(), 1U);
    EXPECT_EQ(slot.taken.load(), 1U);
}

TEST_F(ConnectionTest, AConnectionWithHalfAChunkedBodyDoesNotMove) {
    const os::Fd client = connect();
    send(client, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nab");
    EXPECT_FALSE(context->connections.front().movable());
}

TEST_F(ConnectionTest, AMovedHeadHasTheRestOfItsTimeOnly) {
    int pair[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    const os::Fd give(pair[0]);
    const os::Fd take(pair[1]);
    context->handover_fd = give.get();
    HandoverTaker taker(*context, take.get(), [] {});
    ASSERT_TRUE(taker.start());
    const os::Fd other = connect();
    const os::Fd client = connect();
    send(client, kGet.substr(0, 10));
    let_time_pass(20s);
    Connection* moving = &context->connections.front();
    while (moving->unread()[0].empty()) moving = context->connections.after(*moving);
    ASSERT_TRUE(hand_over(*context, *moving));
    turn();
    let_time_pass(9s);
    EXPECT_EQ(receive(client), "");
    let_time_pass(2s);
    EXPECT_THAT(receive(client), StartsWith("HTTP/1.1 408 "));
    EXPECT_EQ(slot.head_timeouts.load(), 2U);  // the other one, that never sent a byte, too
}

TEST_F(ConnectionTest, ATrickleOfABodyIsCutByItsRate) {
    settings.min_rate = 100;
    const os::Fd client = connect();
    send(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n");
    int pieces = 0;
    while (open_connections() == 1 && slot.refused.load() == 0 && pieces < 100) {
        let_time_pass(5s);
        ASSERT_GT(::send(client.get(), "0123456789", 10, MSG_NOSIGNAL), 0);
        turn();
        ++pieces;
    }
    EXPECT_EQ(pieces, 13);  // 60 s, and 100 bytes a second beyond
    EXPECT_THAT(receive(client), StartsWith("HTTP/1.1 408 "));
    EXPECT_EQ(slot.slow_clients.load(), 1U);
    EXPECT_EQ(app.calls, 0);
}

TEST_F(ConnectionTest, ABodyThatTakesTooLongAltogetherIsCut) {
    settings.body_total_time = 100s;
    const os::Fd client = connect();
    send(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9999999\r\n\r\n");
    const std::string piece(10'000, 'b');
    for (int i = 0; i < 3; ++i) {
        let_time_pass(30s);
        send(client, piece);
    }
    EXPECT_EQ(receive(client), "");
    let_time_pass(30s);
    send(client, piece);
    EXPECT_THAT(receive(client), StartsWith("HTTP/1.1 408 "));
    EXPECT_EQ(slot.body_timeouts.load(), 1U);
}

TEST_F(ConnectionTest, WhatComesWhileTheCoreIsBusyWaitsForItInOrder) {
    const os::Fd first = connect();
    const os::Fd second = connect();
    context->busy_cores = 1;
    ASSERT_GT(::send(first.get(), kGet.data(), kGet.size(), 0), 0);
    loop.run_once(0ms);
    ASSERT_GT(::send(second.get(), kGet.data(), kGet.size(), 0), 0);
    loop.run_once(0ms);
    loop.run_once(0ms);
    EXPECT_EQ(app.calls, 0);
    context->busy_cores = 0;
    turn();
    EXPECT_THAT(receive(first), EndsWith("hello\n"));
    EXPECT_THAT(receive(second), EndsWith("hello\n"));
    send(first, kGet);  // and it is watched again
    EXPECT_THAT(receive(first), EndsWith("hello\n"));
}

TEST_F(ConnectionTest, AtAStopAHalfSentRequestIsRefusedAndAnIdleConnectionLeftAlone) {
    const os::Fd half = connect();
    send(half, kGet.substr(0, 10));
    context->connections.front().give_up_half_sent();
    EXPECT_THAT(receive(half), StartsWith("HTTP/1.1 503 "));
    EXPECT_EQ(app.calls, 0);
    let_time_pass(3s);
    const os::Fd idle = connect();
    context->connections.front().give_up_half_sent();
    EXPECT_EQ(receive(idle), "");
}

TEST_F(ConnectionTest, QuietMeansThatNoRequestCanBeLost) {
    const os::Fd client = connect();
    EXPECT_TRUE(context->connections.front().quiet());
    ASSERT_EQ(::send(client.get(), "G", 1, 0), 1);
    EXPECT_FALSE(context->connections.front().quiet());
    turn();
    EXPECT_FALSE(context->connections.front().quiet());
}

}  // namespace
}  // namespace mew::worker
