// Connections to a front that begin with a balancer's PROXY header, and requests that proxies say
// more of. The peer of the stage's clients is a UNIX socket.

#include "front/test_front.h"

namespace mew::front {
namespace {

using testing::answer;
using testing::FrontTest;
using testing::get;

const std::string kHeader = "PROXY TCP4 192.0.2.7 10.0.0.1 4321 443\r\n";

class ProxiedTest : public FrontTest {
protected:
    void SetUp() override {
        settings.client.listeners[0].routed = true;
        settings.client.http_proxy_headers = true;
        settings.client.trusted_proxies = *net::TrustedProxies::parse({"10.0.0.0/8", "unix"});
        FrontTest::SetUp();
    }
    // What the worker is told of the client of the next request: "ADDRESS:PORT FORWARDED-CLIENT".
    std::string next_client(testing::FakeWorker& from) {
        const auto taken = take(from);
        http::RequestHead head;
        EXPECT_TRUE(taken->read_head(head));
        answer(*taken, "ok");
        return std::string(taken->address()) + ":" + std::string(taken->port()) + " " +
               std::string(head.client_address());
    }
};

TEST_F(ProxiedTest, TheClientIsWhoTheHeaderSays) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, kHeader + get("/") + get("/"));
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(next_client(one), "192.0.2.7:4321 ");
        read_until(browser, "ok");
    }
}

TEST_F(ProxiedTest, HoweverItIsSplit) {
    auto one = worker(1);
    const std::string all = kHeader + get("/");
    for (std::size_t at = 1; at < all.size(); ++at) {
        const os::Fd browser = client();
        send(browser, all.substr(0, at));
        turn();
        send(browser, all.substr(at));
        EXPECT_EQ(next_client(one), "192.0.2.7:4321 ") << at;
        read_until(browser, "ok");
    }
}

TEST_F(ProxiedTest, FieldsCountIfTheClientIsAProxy) {
    auto one = worker(1);
    const std::string request =
        "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n";
    const os::Fd browser = client();
    send(browser, kHeader + request);
    EXPECT_EQ(next_client(one), "192.0.2.7:4321 ");
    const os::Fd proxy = client();
    send(proxy, "PROXY TCP4 10.0.0.9 10.0.0.1 4321 443\r\n" + request);
    EXPECT_EQ(next_client(one), "10.0.0.9:4321 198.51.100.1");
    const os::Fd own = client();
    send(own, "PROXY UNKNOWN\r\n" + request);
    EXPECT_EQ(next_client(one), ": 198.51.100.1");
}

TEST_F(ProxiedTest, WithoutAHeaderNothingIsAnswered) {
    for (const std::string& bytes : {get("/"), "PROXY TCP5 \r\n" + get("/")}) {
        const os::Fd browser = client();
        send(browser, bytes);
        until([&] { return ended(browser); });
        EXPECT_EQ(received(browser), "");
    }
    EXPECT_EQ(slot.refused.load(), 2U);
    EXPECT_EQ(slot.requests.load(), 0U);
}

// However it trickles: the time is that of the whole head.
TEST_F(ProxiedTest, HalfAHeaderIsClosedInItsTimeAndNotAnswered) {
    context->deadlines.set_duration(client::Limit::header, base::Milliseconds{20});
    context->deadlines.set_duration(client::Limit::keepalive, std::chrono::hours(1));
    const os::Fd half = client();
    const os::Fd only = client();
    send(half, kHeader.substr(0, 20));
    send(only, kHeader);
    until([&] { return ended(half) && ended(only); });
    EXPECT_EQ(received(half), "");
    EXPECT_EQ(received(only), "");
    EXPECT_EQ(slot.head_timeouts.load(), 2U);
    const os::Fd head = client();
    send(head, kHeader + "GET /");
    EXPECT_TRUE(read_until(head, "\r\n\r\n").starts_with("HTTP/1.1 408 "));
}

}  // namespace
}  // namespace mew::front
