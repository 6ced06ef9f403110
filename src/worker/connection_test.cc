#include "worker/connection.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/test_connection.h"

namespace mew::worker {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(ConnectionTest, AnswersAndKeepsTheConnection) {
    const os::Fd client = connect();
    send(client, kGet);
    const std::string first = receive(client);
    EXPECT_THAT(first, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(first, EndsWith("\r\n\r\nhello\n"));
    send(client, kGet);
    EXPECT_EQ(receive(client), first);
    EXPECT_EQ(slot.requests.load(), 2U);
    EXPECT_EQ(open_connections(), 1);
}

TEST_F(ConnectionTest, ServesARequestHoweverItIsSplit) {
    const std::string post = "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nabcde";
    app.action = [](http::Exchange& exchange) {
        std::string body;
        for (;;) {
            auto piece = exchange.body->read();
            ASSERT_TRUE(piece);
            if (piece->empty()) break;
            body += *piece;
        }
        EXPECT_EQ(body, "abcde");
        EXPECT_EQ(exchange.head.target(), "/b");
        TestApp::answer(exchange, body);
    };
    for (std::size_t at = 1; at < post.size(); ++at) {
        const os::Fd client = connect();
        send(client, std::string_view(post).substr(0, at));
        EXPECT_EQ(app.calls, static_cast<int>(at) - 1) << "called with half a request";
        send(client, std::string_view(post).substr(at));
        EXPECT_THAT(receive(client), EndsWith("\r\n\r\nabcde"));
    }
}

TEST_F(ConnectionTest, AnswersAPipelineInOrderHoweverLong) {
    const os::Fd client = connect();
    std::string many;
    for (int i = 0; i < 100; ++i) {
        many += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
    }
    int next = 0;
    app.action = [&next](http::Exchange& exchange) {
        EXPECT_EQ(exchange.head.target(), "/" + std::to_string(next++));
        TestApp::answer(exchange, "x");
    };
    send(client, many);
    for (int i = 0; i < 20 && next < 100; ++i) turn();
    EXPECT_EQ(next, 100);
}

TEST_F(ConnectionTest, ABadRequestIsRefusedAndTheClientSeesTheAnswer) {
    const os::Fd client = connect();
    send(client,
         "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\nGET /evil HTTP/1.1\r\nHost: h\r\n\r\n");
    const std::string answer = receive(client);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(answer, EndsWith("<end>"));
    EXPECT_EQ(app.calls, 0);
    EXPECT_EQ(slot.refused.load(), 1U);
    // What it still sends is read and dropped, then the connection goes.
    send(client, kGet);
    EXPECT_EQ(app.calls, 0);
    let_time_pass(3s);
    EXPECT_EQ(open_connections(), 0);
}

TEST_F(ConnectionTest, ABadSecondRequestDoesNotSpoilTheFirstAnswer) {
    const os::Fd client = connect();
    send(client, std::string(kGet) + "BAD\r\n\r\n");
    const std::string answers = receive(client);
    EXPECT_THAT(answers, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answers, HasSubstr("hello\nHTTP/1.1 400 Bad Request\r\n"));
    EXPECT_EQ(app.calls, 1);
}

TEST_F(ConnectionTest, AnUnreadBodyIsNeverARequest) {
    app.action = [](http::Exchange& exchange) { TestApp::answer(exchange, "no"); };
    const os::Fd client = connect();
    settings.post_buffering = 1;
    const std::string inner = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    send(client, "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: " +
                     std::to_string(inner.size() + 3) + "\r\n\r\nabc");
    EXPECT_EQ(app.calls, 1);
    send(client, inner + std::string(kGet));
    EXPECT_EQ(app.calls, 2);
    EXPECT_EQ(app.target, "/a");
}

TEST_F(ConnectionTest, ContinueIsSentWhenTheAppReadsAndOnlyThen) {
    const std::string head =
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
    const os::Fd client = connect();
    // A waiting client: it sends the body once it has seen the 100.
    const std::function<void()> wait_like_a_client = [&] {
        EXPECT_EQ(receive(client), "HTTP/1.1 100 Continue\r\n\r\n");
        EXPECT_EQ(::send(client.get(), "ok", 2, 0), 2);
    };
    core.set_wait_hooks({[](void* wait) { (*static_cast<std::function<void()>*>(wait))(); },
                         nullptr, const_cast<std::function<void()>*>(&wait_like_a_client)});
    app.action = [&](http::Exchange& exchange) {
        auto piece = exchange.body->read();
        ASSERT_TRUE(piece);
        TestApp::answer(exchange, *piece);
    };
    send(client, head);
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\nok"));
    core.set_wait_hooks({});

    app.action = nullptr;  // answers without reading: no 100, and the connection cannot go on
    const os::Fd other = connect();
    send(other, head);
    const std::string answer = receive(other);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

TEST_F(ConnectionTest, ACutBodyFailsTheReadAndNeverLooksComplete) {
    settings.post_buffering = 1;
    bool failed = false;
    app.action = [&](http::Exchange& exchange) {
        (void)exchange.body->read();
        auto second = exchange.body->read();
        failed = !second.has_value();
        EXPECT_FALSE(exchange.body->read()) << "a failed body must go on failing";
        exchange.response.fail(second ? 500 : second.error().status);
    };
    os::Fd client = connect();
    const std::string_view half = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab";
    ASSERT_EQ(::send(client.get(), half.data(), half.size(), 0), static_cast<ssize_t>(half.size()));
    ::shutdown(client.get(), SHUT_WR);
    turn();
    EXPECT_TRUE(failed);
    EXPECT_THAT(receive(client), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ConnectionTest, ABodyCutBeforeItsTimeIsRefusedWithoutTheApp) {
    os::Fd client = connect();
    send(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nab");
    ::shutdown(client.get(), SHUT_WR);
    turn();
    EXPECT_EQ(app.calls, 0);
    EXPECT_THAT(receive(client), StartsWith("HTTP/1.1 400 "));
}

TEST_F(ConnectionTest, AShortAnswerEndsTheConnection) {
    app.action = [](http::Exchange& exchange) {
        http::ResponseHead head;
        head.content_length = 10;
        head.headers.push_back({"Content-Length", "10", http::FieldName::content_length});
        (void)exchange.response.start(head);
        (void)exchange.response.write("abc");
        EXPECT_FALSE(exchange.response.finish());
    };
    const os::Fd client = connect();
    send(client, kGet);
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\nabc<end>"));
}

TEST_F(ConnectionTest, ALongAnswerIsCut) {
    app.action = [](http::Exchange& exchange) {
        http::ResponseHead head;
        head.content_length = 3;
        head.headers.push_back({"Content-Length", "3", http::FieldName::content_length});
        (void)exchange.response.start(head);
        (void)exchange.response.write("abcdef");
        (void)exchange.response.write("ghi");
        EXPECT_TRUE(exchange.response.finish());
    };
    const os::Fd client = connect();
    send(client, kGet);
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\nabc"));
    EXPECT_EQ(open_connections(), 1);
}

TEST_F(ConnectionTest, AnAnswerThatBreaksAfterItsHeadHasNoLastChunk) {
    app.action = [](http::Exchange& exchange) {
        http::ResponseHead head;
        (void)exchange.response.start(head);
        (void)exchange.response.write("part");
        exchange.response.fail(500);
    };
    const os::Fd client = connect();
    send(client, kGet);
    EXPECT_THAT(receive(client), EndsWith("4\r\npart\r\n<end>"));
}

TEST_F(ConnectionTest, ASlowReaderGetsAllOfALargeAnswerWhileOthersAreServed) {
    const std::string large(900'000, 'z');
    app.action = [&](http::Exchange& exchange) {
        if (exchange.head.target() == "/large")
            TestApp::answer(exchange, large);
        else
            TestApp::answer(exchange, "small");
    };
    const os::Fd slow = connect();
    const os::Fd quick = connect();
    send(slow, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    send(quick, kGet);
    EXPECT_THAT(receive(quick), EndsWith("small"));
    std::string got;
    for (int i = 0; i < 1000 && got.size() < large.size(); ++i) {
        got += receive(slow);
        turn();
    }
    got += receive(slow);
    EXPECT_EQ(got.substr(got.find("\r\n\r\n") + 4), large);
    send(slow, kGet);
    EXPECT_THAT(receive(slow), EndsWith("small"));
}

TEST_F(ConnectionTest, WhatFollowsAFileIsSentBehindIt) {
    const std::string content(700'000, 'f');
    std::FILE* file = std::tmpfile();
    ASSERT_NE(file, nullptr);
    ASSERT_EQ(std::fwrite(content.data(), 1, content.size(), file), content.size());
    ASSERT_EQ(std::fflush(file), 0);
    const os::Fd client = connect();
    std::string got;
    // The client reads only when the server waits for it.
    const std::function<void()> read_some = [&] { got += receive(client); };
    core.set_wait_hooks({[](void* read) { (*static_cast<std::function<void()>*>(read))(); },
                         nullptr, const_cast<std::function<void()>*>(&read_some)});
    app.action = [&](http::Exchange& exchange) {
        http::ResponseHead head;  // no length: chunked, so bytes follow the file
        (void)exchange.response.start(head);
        EXPECT_TRUE(exchange.response.send_file(::fileno(file), 0, content.size()));
        EXPECT_TRUE(exchange.response.write("tail"));
        EXPECT_TRUE(exchange.response.finish());
    };
    send(client, kGet);
    core.set_wait_hooks({});
    for (int i = 0; i < 100; ++i) {
        got += receive(client);
        turn();
    }
    std::fclose(file);
    EXPECT_THAT(got, EndsWith("f\r\n4\r\ntail\r\n0\r\n\r\n"));
    EXPECT_EQ(std::count(got.begin(), got.end(), 'f'), 700'000 + 1);  // one in "Transfer"
}

TEST_F(ConnectionTest, AClientThatLeavesMidUploadIsCountedToo) {
    settings.post_buffering = 0;
    const os::Fd client = connect();
    app.action = [&](http::Exchange& exchange) {
        ::shutdown(client.get(), SHUT_WR);
        while (true) {
            const auto piece = exchange.body->read();
            if (!piece) return exchange.response.fail(piece.error().status);
            ASSERT_FALSE(piece->empty()) << "a cut body looks complete";
        }
    };
    send(client, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhalf");
    turn();
    EXPECT_EQ(app.calls, 1);
    EXPECT_THAT(receive(client), StartsWith("HTTP/1.1 400 "));
    EXPECT_EQ(slot.aborted.load(), 1U);
}

TEST_F(ConnectionTest, AClientThatLeavesMidAnswerIsCountedAndForgotten) {
    app.action = [](http::Exchange& exchange) {
        http::ResponseHead head;
        (void)exchange.response.start(head);
        const std::string piece(300'000, 'p');
        for (int i = 0; i < 10 && exchange.response.write(piece); ++i) {
        }
        (void)exchange.response.finish();
    };
    os::Fd client = connect();
    ASSERT_GT(::send(client.get(), kGet.data(), kGet.size(), 0), 0);
    client.reset();
    turn();
    EXPECT_EQ(slot.aborted.load(), 1U);
    EXPECT_EQ(open_connections(), 0);
}

TEST_F(ConnectionTest, Http10ClosesUnlessAskedToKeep) {
    const os::Fd closing = connect();
    send(closing, "GET / HTTP/1.0\r\n\r\n");
    EXPECT_THAT(receive(closing), EndsWith("hello\n<end>"));
    const os::Fd kept = connect();
    send(kept, "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_THAT(receive(kept), HasSubstr("Connection: keep-alive\r\n"));
    EXPECT_EQ(open_connections(), 1);
}

}  // namespace
}  // namespace mew::worker
