// Connections over TLS that an app took over: the worker has one end of a pair of sockets.
#include <fcntl.h>
#include <sys/socket.h>

#include "front/test_front.h"
#include "tls/test_client.h"

namespace mew::front {
namespace {

using mailbox::Lend;
using mailbox::RecordKind;
using testing::FrontTest;
using testing::get;
using testing::kNoFrame;

class RelayTest : public FrontTest {
protected:
    void SetUp() override {
        FrontTest::SetUp();
        const tls::Material material = tls::material_of(tls::make_certificate(tls::make_pair()));
        ASSERT_TRUE(context->tls.apply(material, tls::Settings{}));
        socket = client();
    }
    // Carries what the client says and hears, as far as its socket takes it.
    void exchange() {
        SSL_do_handshake(peer.ssl());
        unsent += peer.take();
        const ssize_t size =
            ::send(socket.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0) unsent.erase(0, static_cast<std::size_t>(size));
        turn();
        if (!reads) return;
        if (const std::string heard = received(socket); !heard.empty()) peer.give(heard);
    }
    void until_there(const std::function<bool()>& done) {
        until([&] {
            exchange();
            return done();
        });
    }
    void hear(const std::string& text) {
        until_there([&] { return peer.heard.find(text) != std::string::npos; });
    }
    // A request that a worker takes, and its connection with it.
    void take_over(Lend how, const std::string& request = get("/")) {
        until_there([&] { return SSL_is_init_finished(peer.ssl()) == 1; });
        peer.say(request);
        until_there([&] {
            auto next = one.side->take();
            if (next) taken = std::make_unique<mailbox::Taken>(*std::move(next));
            return taken != nullptr;
        });
        http::RequestHead head;
        ASSERT_TRUE(taken->read_head(head));
        ASSERT_TRUE(taken->may_be_lent());
        ASSERT_TRUE(taken->ask_for_connection(how, kNoFrame));
        until_there(
            [&] { return taken->take_connection(app, behind) != mailbox::Taken::Lent::not_yet; });
        ASSERT_TRUE(app);
        if (how == Lend::for_good) end_exchange();
    }
    void end_exchange() {
        ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
        taken->ring();
    }
    void hear_app(const std::string& text) {
        until_there([&] {
            from_client += received(app);
            return from_client.find(text) != std::string::npos;
        });
    }

    testing::FakeWorker one;
    os::Fd socket;
    tls::TestClient peer;
    std::string unsent;
    bool reads = true;
    std::unique_ptr<mailbox::Taken> taken;
    os::Fd app;
    std::string behind;
    std::string from_client;
};

TEST_F(RelayTest, BytesGoBothWaysInTheClear) {
    one = worker(1);
    EXPECT_FALSE(context->connections.front().taken_over());
    take_over(Lend::for_good, get("/") + "and more");
    EXPECT_TRUE(context->connections.front().taken_over());
    EXPECT_EQ(behind, "");
    hear_app("and more");
    EXPECT_EQ(from_client, "and more") << "what lay behind the request, and nothing else";
    send(app, "HTTP/1.1 101 Switching Protocols\r\n\r\n");
    hear("101 Switching Protocols\r\n\r\n");
    EXPECT_TRUE(peer.heard.starts_with("HTTP/1.1 101 "));
    until_there([&] { return slot.outstanding.load() == 0; });
    peer.say("ping");
    hear_app("ping");
    send(app, "pong");
    hear("pong");
    EXPECT_FALSE(ended(socket));
}

TEST_F(RelayTest, TheAppsEndIsTheClients) {
    one = worker(1);
    take_over(Lend::for_good);
    send(app, "goodbye");
    app.reset();
    hear("goodbye");
    until_there([&] { return peer.closed; });
    until([&] { return ended(socket); });
    socket.reset();
    until([&] { return slot.connections.load() == 0; });
}

TEST_F(RelayTest, TheClientsEndIsTheApps) {
    one = worker(1);
    take_over(Lend::for_good);
    peer.say("goodbye");
    SSL_shutdown(peer.ssl());
    hear_app("goodbye");
    until_there([&] { return ended(app); });
    EXPECT_FALSE(peer.closed) << "the app may still say something";
    send(app, "to you too");
    app.reset();
    hear("to you too");
    until_there([&] { return peer.closed; });
    until([&] { return slot.connections.load() == 0; });
}

TEST_F(RelayTest, AnAppMayEndItsHalf) {
    one = worker(1);
    take_over(Lend::for_good);
    send(app, "all I say");
    ASSERT_EQ(::shutdown(app.get(), SHUT_WR), 0);
    hear("all I say");
    until_there([&] { return peer.closed; });
    peer.say("and I go on");
    hear_app("and I go on");
    app.reset();
    until([&] { return ended(socket); });
}

TEST_F(RelayTest, AClientThatIsGoneIsGoneForTheApp) {
    one = worker(1);
    take_over(Lend::for_good);
    socket.reset();
    until([&] { return ended(app); });
    // It might have ended its half only; the first bytes that find nobody tell.
    until([&] { return ::send(app.get(), "x", 1, MSG_NOSIGNAL) < 0; });
}

// A worker that wants it back ends it, whoever still has it.
TEST_F(RelayTest, WhatIsLentUntilTheEndEndsThen) {
    one = worker(1);
    take_over(Lend::until_end);
    send(app, "the last word");
    end_exchange();
    hear("the last word");
    until_there([&] { return peer.closed; });
    EXPECT_LT(::send(app.get(), "x", 1, MSG_NOSIGNAL), 0) << "though it is open";
    EXPECT_EQ(slot.outstanding.load(), 0U);
}

TEST_F(RelayTest, AWorkersEndIsTheEndOfWhatItHad) {
    one = worker(1);
    take_over(Lend::until_end);
    send(app, "the last word");
    app.reset();
    taken.reset();
    one.side.reset();
    hear("the last word");
    until_there([&] { return peer.closed; });
}

// What the client sends is kept in bounds while the app reads nothing, and nothing is lost.
TEST_F(RelayTest, AnAppThatDoesNotReadHoldsItsClientBack) {
    one = worker(1);
    take_over(Lend::for_good);
    const std::string much(8U << 20, 'm');
    peer.say(much + "end of it");
    std::size_t before = 0;
    until_there([&] { return std::exchange(before, unsent.size()) == unsent.size(); });
    EXPECT_GT(unsent.size(), 4U << 20) << "the rest waits at the client";
    hear_app("end of it");
    EXPECT_EQ(from_client.size(), much.size() + 9);
}

TEST_F(RelayTest, AClientThatDoesNotReadHoldsItsAppBack) {
    one = worker(1);
    take_over(Lend::for_good);
    reads = false;
    const std::string much(8U << 20, 'm');
    std::size_t sent = 0;
    std::size_t still = 0;
    const auto push = [&] {
        const ssize_t size =
            ::send(app.get(), much.data() + sent, much.size() - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size > 0) sent += static_cast<std::size_t>(size);
        still = size > 0 ? 0 : still + 1;
    };
    until_there([&] {
        push();
        return still == 20;
    });
    EXPECT_LT(sent, 4U << 20);
    reads = true;
    until_there([&] {
        push();
        return peer.heard.size() == much.size();
    });
    EXPECT_TRUE(peer.heard == much);
}

TEST_F(RelayTest, AClientThatNeverReadsIsClosed) {
    context->deadlines.set_duration(client::Limit::send, base::Milliseconds{1000});
    one = worker(1);
    take_over(Lend::for_good);
    reads = false;
    const std::string much(1U << 20, 'm');
    until_there([&] {
        (void)::send(app.get(), much.data(), much.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        return context->deadlines.first(client::Limit::send) != nullptr;
    });
    clock.advance(base::Milliseconds{3000});
    until([&] {
        turn();
        return slot.connections.load() == 0;
    });
    EXPECT_EQ(slot.send_timeouts.load(), 1U);
}

// Neither of them has anything to say: no limit of an idle connection is theirs.
TEST_F(RelayTest, AQuietOneIsNotEnded) {
    context->deadlines.set_duration(client::Limit::keepalive, base::Milliseconds{1000});
    context->deadlines.set_duration(client::Limit::header, base::Milliseconds{1000});
    context->deadlines.set_duration(client::Limit::body, base::Milliseconds{1000});
    one = worker(1);
    take_over(Lend::for_good);
    clock.advance(base::Milliseconds{600000});
    turn();
    context->stopping = true;
    clock.advance(base::Milliseconds{600000});
    peer.say("still here");
    hear_app("still here");
    send(app, "as am I");
    hear("as am I");
}

}  // namespace
}  // namespace mew::front
