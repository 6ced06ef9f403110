// WebSockets over HTTP/2 (RFC 8441): streams that an app takes over by a relay.
#include <sys/socket.h>

#include <algorithm>

#include "front/test_http2.h"

namespace mew::front {
namespace {

using mailbox::Lend;
using mailbox::RecordKind;
using testing::Http2Test;
using testing::kNoFrame;
using Fields = http2::testing::Fields;

constexpr const char* kAccept =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\n";

class ConnectTest : public Http2Test {
protected:
    void SetUp() override {
        Http2Test::SetUp();
        one = worker(1);
    }
    std::int32_t connect(const std::string& protocol = "websocket") {
        return peer.open({{":method", "CONNECT"},
                          {":protocol", protocol},
                          {":scheme", "http"},
                          {":authority", "x"},
                          {":path", "/chat"},
                          {"sec-websocket-version", "13"}});
    }
    // The worker has the request, and asks for its connection.
    void take_over(Lend how) {
        taken = next(one);
        ASSERT_TRUE(taken && taken->may_be_lent());
        ASSERT_TRUE(taken->ask_for_connection(how, kNoFrame));
        std::string behind;
        until_there(
            [&] { return taken->take_connection(app, behind) != mailbox::Taken::Lent::not_yet; });
        ASSERT_TRUE(app);
        EXPECT_EQ(behind, "");
        if (how == Lend::for_good) end_exchange();
    }
    void end_exchange() {
        ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
        taken->ring();
    }
    std::int32_t open_one(Lend how = Lend::for_good) {
        const std::int32_t stream = connect();
        take_over(how);
        send(app, kAccept);
        until_there([&] { return peer.answer(stream).status != 0; });
        EXPECT_EQ(peer.answer(stream).status, 200);
        return stream;
    }
    void hear_app(const std::string& text) {
        until_there([&] {
            from_client += received(app);
            return from_client.find(text) != std::string::npos;
        });
    }
    void hear(std::int32_t stream, const std::string& text) {
        until_there([&] { return peer.answer(stream).body.find(text) != std::string::npos; });
    }
    std::string field(std::int32_t stream, const std::string& name) {
        std::string all;
        for (const auto& [key, value] : peer.answer(stream).fields)
            if (key == name) all += value + ";";
        return all;
    }

    testing::FakeWorker one;
    std::unique_ptr<mailbox::Taken> taken;
    os::Fd app;
    std::string from_client;
};

TEST_F(ConnectTest, IsTheSameToAWorkerAsAnUpgrade) {
    (void)connect();
    std::unique_ptr<mailbox::Taken> posted;
    until_there([&] {
        auto found = one.side->take();
        if (found) posted = std::make_unique<mailbox::Taken>(*std::move(found));
        return posted != nullptr;
    });
    http::RequestHead head;
    ASSERT_TRUE(posted->read_head(head));
    EXPECT_TRUE(posted->may_be_lent());
    EXPECT_EQ(posted->frame().body, mailbox::BodyWay::none);
    EXPECT_EQ(head.method(), "GET");
    EXPECT_EQ(head.path(), "/chat");
    EXPECT_EQ(head.version, http::Version::http2);
    std::string fields;
    for (const auto& one_field : head.fields()) {
        std::string value(head.value(one_field));
        if (one_field.id == http::FieldName::sec_websocket_key) {
            EXPECT_EQ(value.size(), 24U);
            EXPECT_TRUE(value.ends_with("=="));
            value = "KEY";
        }
        fields.append(head.name(one_field)).append("=").append(value).append(";");
    }
    EXPECT_EQ(fields,
              "host=x;sec-websocket-version=13;upgrade=websocket;connection=Upgrade;"
              "sec-websocket-key=KEY;");
}

TEST_F(ConnectTest, BytesGoBothWays) {
    const std::int32_t stream = open_one();
    EXPECT_EQ(field(stream, "sec-websocket-protocol"), "chat;");
    for (const char* const name : {"upgrade", "connection", "sec-websocket-accept"})
        EXPECT_EQ(field(stream, name), "") << name;
    until_there([&] { return slot.outstanding.load() == 0; });
    peer.say(stream, "ping");
    hear_app("ping");
    send(app, "pong");
    hear(stream, "pong");
    const std::int32_t other = peer.get("/");
    testing::answer(*next(one), "beside it");
    EXPECT_EQ(wait_for(other).body, "beside it");
    peer.say(stream, "still there");
    hear_app("still there");
    EXPECT_FALSE(peer.answer(stream).complete);
}

// Nothing is lost of a client that does not wait, nor of a head that comes in pieces.
TEST_F(ConnectTest, PiecesOfAnyKind) {
    const std::int32_t stream = connect();
    peer.say(stream, "too early");
    take_over(Lend::for_good);
    const std::string all = std::string(kAccept) + "the first frame";
    for (const char byte : all) {
        send(app, std::string(1, byte));
        exchange();
    }
    hear(stream, "the first frame");
    EXPECT_EQ(peer.answer(stream).body, "the first frame");
    hear_app("too early");
}

TEST_F(ConnectTest, TheAppsEndIsThatOfTheStream) {
    const std::int32_t stream = open_one();
    send(app, "goodbye");
    app.reset();
    EXPECT_EQ(wait_for(stream).body, "goodbye");
    EXPECT_TRUE(peer.answer(stream).complete);
    EXPECT_EQ(peer.answer(stream).error, static_cast<std::uint32_t>(NGHTTP2_NO_ERROR));
    EXPECT_FALSE(peer.told_to_go());
}

TEST_F(ConnectTest, TheClientsEndIsTheApps) {
    const std::int32_t stream = open_one();
    peer.say(stream, "goodbye");
    peer.finish(stream);
    hear_app("goodbye");
    until_there([&] { return ended(app); });
    send(app, "to you too");
    app.reset();
    EXPECT_EQ(wait_for(stream).body, "to you too");
    EXPECT_TRUE(peer.answer(stream).complete);
}

TEST_F(ConnectTest, AnAppMayEndItsHalf) {
    const std::int32_t stream = open_one();
    send(app, "all I say");
    ASSERT_EQ(::shutdown(app.get(), SHUT_WR), 0);
    until_there([&] { return peer.answer(stream).complete; });
    EXPECT_FALSE(peer.answer(stream).closed);
    peer.say(stream, "and I go on");
    hear_app("and I go on");
    app.reset();
    EXPECT_EQ(wait_for(stream).error, static_cast<std::uint32_t>(NGHTTP2_NO_ERROR));
}

TEST_F(ConnectTest, AResetIsTheEndForTheApp) {
    const std::int32_t stream = open_one();
    peer.reset(stream);
    until_there([&] { return ended(app); });
    EXPECT_LT(::send(app.get(), "x", 1, MSG_NOSIGNAL), 0);
    EXPECT_FALSE(peer.told_to_go());
}

TEST_F(ConnectTest, AClientThatIsGoneIsTheEndForTheApp) {
    (void)open_one();
    browser.reset();
    until([&] { return ended(app); });
    until([&] { return slot.connections.load() == 0; });
}

TEST_F(ConnectTest, WhatIsLentUntilTheEndEndsThen) {
    const std::int32_t stream = open_one(Lend::until_end);
    send(app, "the last word");
    end_exchange();
    EXPECT_EQ(wait_for(stream).body, "the last word");
    EXPECT_TRUE(peer.answer(stream).complete);
    EXPECT_LT(::send(app.get(), "x", 1, MSG_NOSIGNAL), 0) << "though it is open";
}

// An app that accepts and is done at once: its head may be read after the record that ends it.
TEST_F(ConnectTest, AHeadMayComeWithTheEnd) {
    const std::int32_t stream = connect();
    take_over(Lend::until_end);
    send(app, std::string(kAccept) + "short");
    end_exchange();
    EXPECT_EQ(wait_for(stream).body, "short");
    EXPECT_EQ(peer.answer(stream).status, 200);
}

TEST_F(ConnectTest, AnAppMayRefuse) {
    const std::int32_t stream = connect();
    const auto posted = next(one);
    ASSERT_TRUE(posted->write(RecordKind::head, testing::head_bytes(403, 2), {}, kNoFrame));
    ASSERT_TRUE(posted->write(RecordKind::body, "no", {}, kNoFrame));
    ASSERT_TRUE(posted->finish(RecordKind::end, {}, kNoFrame));
    posted->ring();
    EXPECT_EQ(wait_for(stream).status, 403);
    EXPECT_EQ(peer.answer(stream).body, "no");
    EXPECT_TRUE(peer.answer(stream).complete);
}

// 200 would say that the WebSocket is open.
TEST_F(ConnectTest, APageIsNoWebSocket) {
    const std::int32_t stream = connect();
    testing::answer(*next(one), "a page");
    EXPECT_EQ(wait_for(stream).status, 501);
    EXPECT_EQ(peer.answer(stream).body.find("a page"), std::string::npos);
}

TEST_F(ConnectTest, WhatIsNoAcceptanceIsABrokenAnswer) {
    for (const std::string& said :
         {std::string("HTTP/1.1 400 Bad Request\r\n\r\n"), std::string("HTTP/1.1 101\r\nA\r\n\r\n"),
          std::string(20000, 'x'), std::string("HTTP/1.1 101\r\n"), std::string()}) {
        const std::int32_t stream = connect();
        take_over(Lend::for_good);
        (void)::send(app.get(), said.data(), said.size(), MSG_NOSIGNAL);
        app.reset();
        EXPECT_EQ(wait_for(stream).status, 502) << said.substr(0, 40);
        taken.reset();
    }
}

TEST_F(ConnectTest, AWorkersEndBeforeItAcceptedIsNotTriedAgain) {
    const std::int32_t stream = connect();
    take_over(Lend::until_end);
    auto two = worker(2);
    app.reset();
    taken.reset();
    one.side.reset();
    EXPECT_EQ(wait_for(stream).status, 502);
    EXPECT_FALSE(two.side->take());
}

TEST_F(ConnectTest, OtherProtocolsAreNotServed) {
    const std::int32_t stream = connect("connect-udp");
    EXPECT_EQ(wait_for(stream).status, 501);
    const std::int32_t upper = connect("WebSocket");
    take_over(Lend::for_good);
    send(app, kAccept);
    until_there([&] { return peer.answer(upper).status == 200; });
}

TEST_F(ConnectTest, AnAppThatDoesNotReadHoldsItsClientBack) {
    const std::int32_t stream = open_one();
    const std::string much(4U << 20, 'm');
    peer.say(stream, much + "end of it");
    std::uint64_t before = 1;
    const auto window = [&] {
        return static_cast<std::uint64_t>(
            std::max(0, ::nghttp2_session_get_stream_remote_window_size(peer.session(), stream)));
    };
    until_there([&] { return window() == 0 && std::exchange(before, window()) == 0; });
    // Another stream's body still goes.
    const std::int32_t other = post(std::string(100000, 'o'));
    testing::answer(*next(one), "it went");
    EXPECT_EQ(wait_for(other).body, "it went");
    hear_app("end of it");
    EXPECT_EQ(from_client.size(), much.size() + 9);
}

TEST_F(ConnectTest, AClientThatGivesNoCreditHoldsItsAppBack) {
    settings.http2.stream_window = 1U << 16;
    const std::int32_t stream = open_one();
    const std::string much(8U << 20, 'm');
    std::size_t sent = 0;
    const auto push = [&] {
        const ssize_t size =
            ::send(app.get(), much.data() + sent, much.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0) sent += static_cast<std::size_t>(size);
        return size > 0;
    };
    // Bytes are read by its socket's reader, and so no credit returns.
    int still = 0;
    until([&] {
        still = push() ? 0 : still + 1;
        turn();
        return still == 20;
    });
    EXPECT_LT(sent, 4U << 20);
    until_there([&] {
        (void)push();
        return peer.answer(stream).body.size() == much.size();
    });
}

TEST_F(ConnectTest, AQuietOneIsNotEnded) {
    for (const auto limit : {client::Limit::keepalive, client::Limit::header, client::Limit::body,
                             client::Limit::send, client::Limit::queue})
        context->deadlines.set_duration(limit, base::Milliseconds{1000});
    const std::int32_t stream = open_one();
    clock.advance(base::Milliseconds{600000});
    exchange();
    peer.say(stream, "still here");
    hear_app("still here");
    send(app, "as am I");
    hear(stream, "as am I");
}

// GOAWAY tells of the end, and what is open goes on to its own.
TEST_F(ConnectTest, ADrainLeavesItOpen) {
    const std::int32_t stream = open_one();
    EXPECT_FALSE(context->connections.front().taken_over()) << "other streams may come";
    context->connections.front().drain();
    clock.advance(base::Milliseconds{1000});
    until_there([&] { return peer.told_to_go(); });
    peer.say(stream, "still here");
    hear_app("still here");
    EXPECT_FALSE(context->connections.front().quiet());
    EXPECT_TRUE(context->connections.front().taken_over());
    send(app, "and that was it");
    app.reset();
    EXPECT_EQ(wait_for(stream).body, "and that was it");
    until_there(
        [&] { return context->connections.empty() || context->connections.front().quiet(); });
}

}  // namespace
}  // namespace mew::front
