#pragma once
// A front without a process: its loop, clients by socket pairs, and workers that the test plays by
// the taking side of their channels.

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "client/codecs.h"
#include "front/connection.h"
#include "front/dispatch.h"
#include "mailbox/reply_head.h"
#include "mailbox/taking_side.h"

namespace mew::front::testing {

inline constexpr int kDeadlineMs = 20000;
inline const mailbox::WaitFrame kNoFrame;

// A worker as the test plays it.
struct FakeWorker {
    WorkerId id;
    std::unique_ptr<mailbox::TakingSide> side;
    mailbox::Channel spy;  // to write where no worker of ours would
};

inline std::string head_bytes(int status, std::uint64_t length,
                              std::vector<http::Header> headers = {}) {
    http::ResponseHead head;
    head.status = status;
    head.headers = std::move(headers);
    if (length != UINT64_MAX) head.implied_length = length;
    std::string bytes;
    mailbox::append_reply_head(bytes, head);
    return bytes;
}

inline void answer(mailbox::Taken& taken, const std::string& body) {
    using mailbox::RecordKind;
    EXPECT_TRUE(taken.write(RecordKind::head, head_bytes(200, body.size()), {}, kNoFrame));
    if (!body.empty()) {
        EXPECT_TRUE(taken.write(RecordKind::body, body, {}, kNoFrame));
    }
    EXPECT_TRUE(taken.finish(RecordKind::end, {}, kNoFrame));
    taken.ring();
}

class FrontTest : public ::testing::Test {
protected:
    void SetUp() override {
        settings.client.listeners.resize(1);
        settings.client.post_buffering = 1024;
        settings.request_buffer = 1U << 20;
        settings.response_buffer_max = 64U << 20;
        ASSERT_TRUE(loop.open());
        gate = *control::Gate::create();
        gate.set_serving(1, 1);
        context = std::make_unique<Context>(loop, settings, slot);
        dispatch = std::make_unique<Dispatch>(
            *context, gate,
            [this](const WorkerId& id, const std::string& what) { broken.emplace_back(id, what); });
    }
    void TearDown() override {
        while (!context->connections.empty()) context->connections.front().close();
        loop.run_once(base::Milliseconds{0});
    }

    FakeWorker worker(std::uint32_t number, std::uint32_t generation = 1) {
        FakeWorker made{{number, generation, 1}, nullptr, {}};
        const auto memory = mailbox::make_channel(mailbox::head_room(16384, 100));
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        made.side = std::make_unique<mailbox::TakingSide>(*mailbox::Channel::attach(memory->get()),
                                                          os::Fd(pair[1]));
        made.spy = *mailbox::Channel::attach(memory->get());
        EXPECT_TRUE(dispatch->attach(made.id, 1, *mailbox::Channel::attach(memory->get()),
                                     os::Fd(pair[0])));
        return made;
    }

    // The client's end of a new connection.
    os::Fd client() {
        int pair[2];
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        ::fcntl(pair[0], F_SETFL, O_NONBLOCK);
        ::fcntl(pair[1], F_SETFL, O_NONBLOCK);
        auto* connection = new Connection(*context, os::Fd(pair[0]), client::PeerText(), 0,
                                          client::make_http_codec(settings.client));
        connection->open();
        return os::Fd(pair[1]);
    }

    void turn(int wait_ms = 0) {
        loop.run_once(base::Milliseconds{dispatch->prepare_sleep() ? wait_ms : 0});
        dispatch->awake();
        dispatch->turn();
    }
    // Turns of the loop until `done`.
    void until(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kDeadlineMs);
        while (!done()) {
            ASSERT_LT(std::chrono::steady_clock::now(), end) << "nothing came of it";
            turn(1);
        }
    }
    static void send(const os::Fd& to, const std::string& bytes) {
        ASSERT_EQ(::send(to.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    static std::string received(const os::Fd& from) {
        std::string all;
        char bytes[65536];
        ssize_t size = 0;
        while ((size = ::recv(from.get(), bytes, sizeof bytes, 0)) > 0)
            all.append(bytes, static_cast<std::size_t>(size));
        return all;
    }
    // What comes until it holds `text`.
    std::string read_until(const os::Fd& from, const std::string& text) {
        std::string all;
        until([&] {
            all += received(from);
            return all.find(text) != std::string::npos;
        });
        return all;
    }
    std::unique_ptr<mailbox::Taken> take(FakeWorker& from, std::string* path = nullptr) {
        std::unique_ptr<mailbox::Taken> found;
        until([&] {
            auto taken = from.side->take();
            if (taken) found = std::make_unique<mailbox::Taken>(*std::move(taken));
            return found != nullptr;
        });
        if (found == nullptr) return found;
        http::RequestHead head;
        EXPECT_TRUE(found->read_head(head));
        if (path != nullptr) *path = head.path();
        return found;
    }
    static bool ended(const os::Fd& at) {
        char byte = 0;
        const ssize_t size = ::recv(at.get(), &byte, 1, MSG_PEEK);
        return size == 0 || (size < 0 && errno != EAGAIN);
    }

    base::SteadyClock clock;
    net::EventLoop loop{clock};
    Settings settings;
    stats::FrontSlot slot{};
    control::Gate gate;
    std::unique_ptr<Context> context;
    std::unique_ptr<Dispatch> dispatch;
    std::vector<std::pair<WorkerId, std::string>> broken;
};

inline std::string get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

}  // namespace mew::front::testing
