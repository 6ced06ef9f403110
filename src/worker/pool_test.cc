// A pool, its loop and real sockets: run under the thread sanitizer too.

#include "worker/pool.h"

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http1/codec.h"
#include "worker/connection.h"
#include "worker/test_app.h"

namespace mew::worker {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;

constexpr int kCores = 3;
constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

class PoolTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(loop.open());
        settings.access_log = false;
        settings.listeners.resize(1);
        context = std::make_unique<Context>(loop, settings, slot);
        context->phase = Phase::serving;
        context->core_count = kCores;
        std::vector<http::AppBridge*> bridges;
        bridges.reserve(apps.size());
        for (TestApp& app : apps) bridges.push_back(&app);
        pool = std::make_unique<Pool>(*context, bridges);
        context->cores = pool.get();
        ASSERT_TRUE(pool->start(
            {nullptr, [](void* self, Core&) { ++static_cast<PoolTest*>(self)->inside; },
             [](void* self, Core&) { --static_cast<PoolTest*>(self)->inside; }, nullptr, this},
            0));
    }
    void TearDown() override {
        pool->stop();
        while (!context->connections.empty()) context->connections.front().close();
        loop.run_once(0ms);
    }
    void act(const std::function<void(http::Exchange&)>& action) {
        for (TestApp& app : apps) app.action = action;
    }
    int calls() const {
        int all = 0;
        for (const TestApp& app : apps) all += app.calls;
        return all;
    }
    os::Fd connect() {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        (new Connection(*context, os::Fd(pair[0]), PeerText(), 0,
                        std::make_unique<http1::Codec>(settings.limits)))
            ->open({});
        return os::Fd(pair[1]);
    }
    static void send(const os::Fd& client, std::string_view bytes) {
        ASSERT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    void turn() {
        loop.run_once(20ms);
        while (!context->runnable.empty() && !context->busy()) {
            Connection& next = context->runnable.front();
            static_cast<base::ListNode<RunnableTag>&>(next).unlink();
            next.run_further();
        }
    }
    void settle() {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (context->busy_cores != 0 && std::chrono::steady_clock::now() < deadline) turn();
        EXPECT_EQ(context->busy_cores, 0);
    }
    // Turns until `text` ends what the client got.
    std::string receive(const os::Fd& client, std::string_view end) {
        std::string all;
        char buffer[65536];
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!std::string_view(all).ends_with(end)) {
            turn();
            const ssize_t size = ::recv(client.get(), buffer, sizeof buffer, 0);
            if (size > 0) all.append(buffer, static_cast<std::size_t>(size));
            if (size == 0 || std::chrono::steady_clock::now() > deadline) break;
        }
        return all;
    }

    base::SteadyClock clock;
    net::EventLoop loop{clock};
    Settings settings;
    stats::Slot slot{};
    std::array<TestApp, kCores> apps;
    std::unique_ptr<Context> context;
    std::unique_ptr<Pool> pool;
    std::atomic<int> inside{kCores};  // threads begin inside
};

// Lets calls of the app go one by one.
class Turnstile {
public:
    void pass() {
        std::unique_lock held(lock_);
        ++waiting_;
        changed_.notify_all();
        ASSERT_TRUE(changed_.wait_for(held, 20s, [this] { return passes_ > 0; }));
        --passes_;
        --waiting_;
    }
    void let(int calls) {
        const std::lock_guard held(lock_);
        passes_ += calls;
        changed_.notify_all();
    }
    bool has(int calls) {
        std::unique_lock held(lock_);
        return changed_.wait_for(held, 20s, [&] { return waiting_ == calls; });
    }

private:
    std::mutex lock_;
    std::condition_variable changed_;
    int waiting_ = 0;
    int passes_ = 0;
};

TEST_F(PoolTest, AnswersAndKeepsTheConnection) {
    const os::Fd client = connect();
    for (int i = 0; i < 50; ++i) {
        send(client, kGet);
        EXPECT_THAT(receive(client, "hello\n"), EndsWith("hello\n"));
    }
    settle();  // the client may have its answer before the loop hears that the call is over
    EXPECT_EQ(slot.requests.load(), 50U);
}

TEST_F(PoolTest, RunsAsManyAtOnceAsItHasThreads) {
    Turnstile turnstile;
    act([&](http::Exchange& exchange) {
        turnstile.pass();
        TestApp::answer(exchange, "through\n");
    });
    std::vector<os::Fd> clients;
    for (int i = 0; i < kCores + 2; ++i) {
        clients.push_back(connect());
        send(clients.back(), kGet);
        turn();
    }
    EXPECT_TRUE(turnstile.has(kCores));
    EXPECT_TRUE(context->busy());
    EXPECT_EQ(slot.state.load(), stats::WorkerState::busy);
    turnstile.let(kCores + 2);
    for (const os::Fd& client : clients) {
        EXPECT_THAT(receive(client, "through\n"), EndsWith("through\n"));
    }
    settle();
    EXPECT_EQ(slot.state.load(), stats::WorkerState::idle);
    EXPECT_EQ(slot.request_started_us.load(), 0U);
}

TEST_F(PoolTest, APipelineStaysInOrder) {
    act([](http::Exchange& exchange) {
        TestApp::answer(exchange, std::string(exchange.head.target()) + "\n");
    });
    const os::Fd client = connect();
    std::string sent;
    std::string expected;
    for (int i = 0; i < 40; ++i) {
        sent += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
        expected += "/" + std::to_string(i) + "\n";
    }
    send(client, sent);
    const std::string all = receive(client, "/39\n");
    std::string bodies;
    for (std::size_t at = 0; (at = all.find("\r\n\r\n", at)) != std::string::npos; ++at)
        bodies += all.substr(at + 4, all.find('\n', at + 4) - at - 3);
    EXPECT_EQ(bodies, expected);
}

TEST_F(PoolTest, ABodyIsReadOnTheThreadWhileOthersAreServed) {
    settings.post_buffering = 0;
    act([](http::Exchange& exchange) {
        std::string body;
        while (exchange.body != nullptr) {
            const auto piece = exchange.body->read();
            if (!piece || piece->empty()) break;
            body += *piece;
        }
        TestApp::answer(exchange, body + "\n");
    });
    const os::Fd slow = connect();
    send(slow, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
    turn();
    const os::Fd quick = connect();
    send(quick, kGet);
    EXPECT_THAT(receive(quick, "\r\n\r\n\n"), EndsWith("\n"));
    send(slow, "def");
    EXPECT_THAT(receive(slow, "abcdef\n"), EndsWith("abcdef\n"));
}

TEST_F(PoolTest, AClientThatLeavesMeanwhileDoesNotSpinTheLoop) {
    Turnstile turnstile;
    act([&](http::Exchange& exchange) {
        turnstile.pass();
        TestApp::answer(exchange, "late\n");
    });
    {
        const os::Fd client = connect();
        send(client, kGet);
        turn();
        EXPECT_TRUE(turnstile.has(1));
    }
    EXPECT_LE(loop.run_once(0ms), 1);  // hears of it once
    EXPECT_EQ(loop.run_once(0ms), 0);
    turnstile.let(1);
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (slot.connections.load() != 0 && std::chrono::steady_clock::now() < deadline) turn();
    EXPECT_EQ(slot.connections.load(), 0U);
    EXPECT_EQ(slot.aborted.load(), 1U);
}

TEST_F(PoolTest, ThreadsAreOutsideTheLanguageWhileTheyWait) {
    const os::Fd client = connect();
    send(client, kGet);
    (void)receive(client, "hello\n");
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (inside.load() != 0 && std::chrono::steady_clock::now() < deadline) turn();
    EXPECT_EQ(inside.load(), 0);
}

}  // namespace
}  // namespace mew::worker
