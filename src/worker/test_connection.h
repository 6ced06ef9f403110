#pragma once
// A worker's loop with connections of which a test holds the client's end, and a clock that it
// moves.

#include <sys/socket.h>

#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "http1/codec.h"
#include "worker/connection.h"
#include "worker/inline_core.h"
#include "worker/test_app.h"

namespace mew::worker {

using namespace std::chrono_literals;

class TestClock final : public base::Clock {
public:
    base::MonotonicTime now() override { return now_; }
    void advance(base::Milliseconds by) { now_ += by; }

private:
    base::MonotonicTime now_{};
};

class ConnectionTest : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(loop.open());
        settings.access_log = false;
        settings.listeners.resize(1);
        context = std::make_unique<Context>(loop, settings, slot);
        context->cores = &core;
        context->handover_fd = -1;
        context->phase = Phase::serving;
        context->deadlines.set_duration(Limit::header, 30s);
        context->deadlines.set_duration(Limit::body, 60s);
        context->deadlines.set_duration(Limit::keepalive, 75s);
        context->deadlines.set_duration(Limit::send, 1s);
        context->deadlines.set_duration(Limit::linger, 2s);
    }
    void TearDown() override {
        while (!context->connections.empty()) context->connections.front().close();
        loop.run_once(0ms);
    }

    // A client's end of a connection that was just accepted.
    os::Fd connect(std::string_view unread = {}) {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
        auto* connection = new Connection(*context, os::Fd(pair[0]), PeerText(), 0,
                                          std::make_unique<http1::Codec>(settings.limits));
        connection->open(unread);
        return os::Fd(pair[1]);
    }
    void turn() {
        loop.run_once(0ms);
        while (!context->runnable.empty()) {
            Connection& next = context->runnable.front();
            static_cast<base::ListNode<RunnableTag>&>(next).unlink();
            next.run_further();
        }
    }
    void send(const os::Fd& client, std::string_view bytes) {
        ASSERT_EQ(::send(client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
        turn();
    }
    // All that is there now; "<end>" behind it if the connection's sending side is closed.
    std::string receive(const os::Fd& client) {
        std::string all;
        char buffer[4096];
        for (;;) {
            const ssize_t size = ::recv(client.get(), buffer, sizeof buffer, 0);
            if (size == 0) return all + "<end>";
            if (size < 0) return all;
            all.append(buffer, static_cast<std::size_t>(size));
        }
    }
    void let_time_pass(base::Milliseconds by) {
        clock.advance(by);
        turn();
    }
    int open_connections() const { return static_cast<int>(slot.connections.load()); }

    TestClock clock;
    net::EventLoop loop{clock};
    Settings settings;
    stats::Slot slot{};
    TestApp app;
    InlineCore core{app};
    std::unique_ptr<Context> context;
};

inline constexpr std::string_view kGet = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

}  // namespace mew::worker
