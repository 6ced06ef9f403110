// Connections that begin with a balancer's PROXY header, and requests that proxies say more of.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "worker/handover.h"
#include "worker/test_connection.h"

namespace mew::worker {
namespace {

using ::testing::EndsWith;
using ::testing::StartsWith;

const std::string kHeader = "PROXY TCP4 192.0.2.7 10.0.0.1 4321 443\r\n";
const std::string kRequest(kGet);

PeerText peer_of(const char* address) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    from.sin_port = htons(99);
    EXPECT_EQ(::inet_pton(AF_INET, address, &from.sin_addr), 1);
    sockaddr_storage storage{};
    std::memcpy(&storage, &from, sizeof from);
    return PeerText(storage);
}

class ProxiedConnectionTest : public ConnectionTest {
protected:
    void SetUp() override {
        ConnectionTest::SetUp();
        settings.listeners[0].option = "http";
        settings.http_proxy_headers = true;
        settings.trusted_proxies = *net::TrustedProxies::parse({"10.0.0.0/8", "unix"});
        app.action = [](http::Exchange& exchange) {
            const std::string_view client = exchange.head.client_address();
            TestApp::answer(exchange, std::string(exchange.peer.address) + ":" +
                                          std::string(exchange.peer.port) + " " +
                                          std::string(client) + "\n");
        };
    }
    os::Fd connect_from(const PeerText& peer) {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        auto* connection = new Connection(*context, os::Fd(pair[0]), peer, 0,
                                          std::make_unique<http1::Codec>(settings.limits));
        connection->expect_proxy_header();
        connection->open({});
        return os::Fd(pair[1]);
    }
    os::Fd connect_from_balancer() { return connect_from(peer_of("10.0.0.1")); }

    // Through the pair and back into the same worker.
    void move_all() {
        int pair[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
        const os::Fd give(pair[0]);
        const os::Fd take(pair[1]);
        context->handover_fd = give.get();
        int moved = 0;
        for (; !context->connections.empty(); ++moved) {
            ASSERT_TRUE(context->connections.front().movable());
            ASSERT_TRUE(hand_over(*context, context->connections.front()));
        }
        loop.run_once(0ms);
        HandoverTaker taker(*context, take.get(), [] {});
        ASSERT_TRUE(taker.start());
        while (moved-- > 0) turn();  // one packet each
        taker.stop();
    }
};

TEST_F(ProxiedConnectionTest, TheClientIsWhoTheHeaderSays) {
    const os::Fd client = connect_from_balancer();
    send(client, kHeader + kRequest);
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\n192.0.2.7:4321 \n"));
    send(client, kRequest);  // once for the connection
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\n192.0.2.7:4321 \n"));
    EXPECT_EQ(slot.refused.load(), 0U);
}

TEST_F(ProxiedConnectionTest, HoweverItIsSplit) {
    const std::string all = kHeader + kRequest;
    for (std::size_t at = 1; at < all.size(); ++at) {
        const os::Fd client = connect_from_balancer();
        send(client, all.substr(0, at));
        EXPECT_EQ(app.calls, static_cast<int>(at) - 1);
        send(client, all.substr(at));
        EXPECT_THAT(receive(client), EndsWith("\r\n\r\n192.0.2.7:4321 \n")) << at;
    }
    const os::Fd client = connect_from_balancer();
    for (const char byte : all) send(client, std::string_view(&byte, 1));
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\n192.0.2.7:4321 \n"));
}

TEST_F(ProxiedConnectionTest, TheBalancersOwnRequestsAreItsOwn) {
    const os::Fd client = connect_from_balancer();
    send(client, "PROXY UNKNOWN\r\n" + kRequest);
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\n10.0.0.1:99 \n"));
    const os::Fd local = connect_from(PeerText());
    send(local, "PROXY UNKNOWN\r\n" + kRequest);
    EXPECT_THAT(receive(local), EndsWith("\r\n\r\n: \n"));
}

TEST_F(ProxiedConnectionTest, WithoutAHeaderNothingIsAnswered) {
    for (const std::string& bytes :
         {kRequest, std::string("P "), std::string("PROXY TCP5 \r\n") + kRequest,
          kHeader.substr(0, 20) + "\r\n"}) {
        const os::Fd client = connect_from_balancer();
        send(client, bytes);
        EXPECT_EQ(receive(client), "<end>") << bytes;
    }
    EXPECT_EQ(app.calls, 0);
    EXPECT_EQ(open_connections(), 0);
    EXPECT_EQ(slot.refused.load(), 4U);
}

TEST_F(ProxiedConnectionTest, OthersAreClosedWhateverTheySend) {
    const os::Fd client = connect_from(peer_of("192.0.2.1"));
    send(client, kHeader + kRequest);
    EXPECT_EQ(receive(client), "<end>");
    EXPECT_EQ(app.calls, 0);
}

TEST_F(ProxiedConnectionTest, HalfAHeaderIsClosedInItsTimeAndNotAnswered) {
    const os::Fd half = connect_from_balancer();
    const os::Fd only = connect_from_balancer();
    const os::Fd head = connect_from_balancer();
    send(half, kHeader.substr(0, 20));
    send(only, kHeader);
    send(head, kHeader + "GET /");
    let_time_pass(31s);
    EXPECT_EQ(receive(half), "<end>");
    EXPECT_EQ(receive(only), "<end>");
    EXPECT_THAT(receive(head), StartsWith("HTTP/1.1 408 "));
    EXPECT_EQ(slot.head_timeouts.load(), 3U);
}

TEST_F(ProxiedConnectionTest, AConnectionThatOnlyLooksIsNoFault) {
    os::Fd client = connect_from_balancer();
    send(client, kHeader);
    client.reset();
    turn();
    EXPECT_EQ(open_connections(), 0);
    EXPECT_EQ(slot.refused.load(), 0U);
}

TEST_F(ProxiedConnectionTest, AMovedConnectionTakesItsClientAlong) {
    const os::Fd idle = connect_from_balancer();
    send(idle, kHeader + kRequest);
    (void)receive(idle);
    const os::Fd half = connect_from_balancer();
    send(half, kHeader + kRequest.substr(0, 10));
    const os::Fd fresh = connect_from_balancer();
    move_all();
    EXPECT_EQ(open_connections(), 3);
    send(idle, kRequest);
    EXPECT_THAT(receive(idle), EndsWith("\r\n\r\n192.0.2.7:4321 \n"));
    send(half, kRequest.substr(10));
    EXPECT_THAT(receive(half), EndsWith("\r\n\r\n192.0.2.7:4321 \n"));
    send(fresh, kHeader + kRequest);
    EXPECT_THAT(receive(fresh), EndsWith("\r\n\r\n192.0.2.7:4321 \n"));
}

TEST_F(ProxiedConnectionTest, HalfAHeaderMovesToo) {
    const os::Fd client = connect_from_balancer();
    send(client, kHeader.substr(0, 25));
    move_all();
    send(client, kHeader.substr(25) + kRequest);
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\n192.0.2.7:4321 \n"));
}

// As at a reload that brings the option: what began without a header goes on without one.
TEST_F(ProxiedConnectionTest, AConnectionThatBeganEarlierNeedsNone) {
    settings.http_proxy_headers = false;
    const os::Fd client = connect_from_balancer();
    send(client, kRequest);
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\n10.0.0.1:99 \n"));
    settings.http_proxy_headers = true;
    move_all();
    send(client, kRequest);
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\n10.0.0.1:99 \n"));
}

// Its fields are those of whom the balancer passed on, not of the balancer.
TEST_F(ProxiedConnectionTest, ForwardedFieldsCountIfTheClientIsAProxy) {
    const std::string request =
        "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n";
    const os::Fd client = connect_from_balancer();
    send(client, kHeader + request);
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\n192.0.2.7:4321 \n"));
    const os::Fd proxy = connect_from_balancer();
    send(proxy, "PROXY TCP4 10.0.0.9 10.0.0.1 4321 443\r\n" + request);
    EXPECT_THAT(receive(proxy), EndsWith("\r\n\r\n10.0.0.9:4321 198.51.100.1\n"));
}

// What a socket is decides how a broken answer ends, not whom it is served to.
TEST_F(ProxiedConnectionTest, ABrokenAnswerOnAUnixSocketStaysSilent) {
    app.action = [](http::Exchange& exchange) {
        http::ResponseHead head;
        ASSERT_TRUE(head.check());
        (void)exchange.response.start(head);
        (void)exchange.response.write("half");
        exchange.response.fail(500);
    };
    const os::Fd client = connect_from(PeerText());
    send(client, kHeader + "GET / HTTP/1.0\r\n\r\n");
    EXPECT_THAT(receive(client), EndsWith("\r\n\r\nhalf"));
    EXPECT_EQ(open_connections(), 1);
}

}  // namespace
}  // namespace mew::worker
