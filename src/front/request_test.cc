// What a front keeps of a request until it needs it no more.
#include <unistd.h>

#include "front/test_front.h"

namespace mew::front {
namespace {

using mailbox::RecordKind;
using testing::FrontTest;
using testing::get;
using testing::head_bytes;
using testing::kNoFrame;

std::string text_of(mailbox::Taken& taken) {
    http::RequestHead head;
    EXPECT_TRUE(taken.read_head(head));
    return std::string(head.method()) + " " + std::string(head.path());
}

TEST_F(FrontTest, AHeadIsKeptUntilItsBodyIsWhole) {
    auto one = worker(1);
    const os::Fd first = client();
    const os::Fd second = client();
    send(first, "POST /first HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n");
    turn();
    send(second, get("/second"));
    EXPECT_EQ(text_of(*take(one)), "GET /second");
    send(first, std::string(60, 'b'));
    EXPECT_EQ(text_of(*take(one)), "POST /first");
}

TEST_F(FrontTest, AHeadIsKeptWhileAnotherWorkerMayNeedIt) {
    auto one = worker(1);
    const os::Fd first = client();
    send(first, get("/first") + get("/behind"));
    turn();
    const os::Fd second = client();
    send(second, get("/second"));
    turn();
    one.side.reset();
    turn();
    auto two = worker(2);
    EXPECT_EQ(text_of(*take(two)), "GET /first");
    EXPECT_EQ(text_of(*take(two)), "GET /second");
}

// An app that echoes: its client sends everything before it reads anything.
TEST_F(FrontTest, ABodyGoesOnWhileItsAnswerIsHeldBack) {
    settings.request_buffer = 4096;
    settings.client.response_buffer = 65536;
    auto one = worker(1);
    const os::Fd browser = client();
    constexpr std::size_t kBody = 4U << 20;
    send(browser, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kBody) +
                      "\r\n\r\n" + std::string(1024, 'b'));
    auto taken = take(one);
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, UINT64_MAX), {}, kNoFrame));
    const mailbox::SlotControl& control = one.spy.control(0);
    const std::string piece(mailbox::Taken::kMostBody, 'a');
    for (int quiet = 0; quiet < 5;) {
        const auto behind = control.reply_written.load() - control.reply_read.load();
        quiet = mailbox::kReplyRing - behind < piece.size() + 64 ? quiet + 1 : 0;
        if (quiet == 0) {
            ASSERT_TRUE(taken->write(RecordKind::body, piece, {}, kNoFrame));
        }
        taken->ring();
        turn();
    }
    std::size_t sent = 1024;
    const std::string bytes(65536, 'b');
    const auto send_more = [&] {
        const ssize_t size =
            ::send(browser.get(), bytes.data(), std::min(bytes.size(), kBody - sent), MSG_NOSIGNAL);
        if (size > 0) sent += static_cast<std::size_t>(size);
        return size > 0;
    };
    // As much as goes before the app reads any of it.
    for (int quiet = 0; quiet < 5; turn()) quiet = send_more() ? 0 : quiet + 1;
    std::size_t got = 0;
    until([&] {
        (void)send_more();
        const std::size_t there = taken->body().size();
        got += there;
        taken->release(there);
        return got == kBody;
    });
    EXPECT_EQ(taken->body_end(), mailbox::kBodyComplete);
}

TEST_F(FrontTest, ItRestsOnceAClientLeftInTheMiddleOfItsBody) {
    settings.request_buffer = 4096;
    auto one = worker(1);
    os::Fd browser = client();
    send(browser,
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\n" + std::string(150000, 'b'));
    auto taken = take(one);
    turn();
    EXPECT_TRUE(dispatch->prepare_sleep()) << "the worker has what there is room for";
    browser.reset();
    until([&] { return taken->cancelled(); });
    taken->release(taken->body().size());
    EXPECT_TRUE(dispatch->prepare_sleep());
}

// The only one, as the other end of the channel has it too: by its name.
int spill_file() {
    for (int fd = 3; fd < 1024; ++fd) {
        char name[64] = {};
        const std::string link = "/proc/self/fd/" + std::to_string(fd);
        if (::readlink(link.c_str(), name, sizeof name - 1) > 0 &&
            std::string_view(name).find("mewsgi-spill") != std::string_view::npos)
            return fd;
    }
    return -1;
}

TEST_F(FrontTest, ABodyThatCannotBeReadAgainBreaks) {
    auto one = worker(1);
    const os::Fd browser = client();
    // Longer than is kept: the worker gets what there is, and the rest as it comes.
    const std::string body((1U << 20) + 10, 'b');
    const std::string request =
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n10000a\r\n" + body;
    std::size_t sent = 0;
    std::unique_ptr<mailbox::Taken> taken;
    until([&] {
        const ssize_t size =
            ::send(browser.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (size > 0) sent += static_cast<std::size_t>(size);
        auto next = one.side->take();
        if (next) taken = std::make_unique<mailbox::Taken>(*std::move(next));
        return taken != nullptr;
    });
    ASSERT_EQ(::ftruncate(spill_file(), 0), 0);
    until([&] {
        taken->release(taken->body().size());
        return taken->body_end() != mailbox::kBodyOpen;
    });
    EXPECT_EQ(taken->body_end(), 500U);
    EXPECT_TRUE(dispatch->prepare_sleep());
    ASSERT_TRUE(taken->finish(RecordKind::fail, {}, kNoFrame));
    EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 500 "));
}

TEST_F(FrontTest, ABodyThatIsLateEndsForItsWorkerToo) {
    settings.request_buffer = 4096;
    settings.client.body_total_time = base::Milliseconds{1};
    context->deadlines.set_duration(client::Limit::body, base::Milliseconds{20000});
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser,
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n" + std::string(5000, 'b'));
    auto taken = take(one);
    until([&] {
        taken->release(taken->body().size());
        return taken->body_end() != mailbox::kBodyOpen;
    });
    EXPECT_EQ(taken->body_end(), 408U);
    send(browser, "too late");
    turn();
    ASSERT_TRUE(taken->finish(RecordKind::fail, {}, kNoFrame));
    read_until(browser, "\r\n\r\n");
    until([&] { return ended(browser); });
    EXPECT_EQ(slot.timeouts.load(), 1U);
}

TEST_F(FrontTest, ASlowWorkerIsNoFaultOfItsClient) {
    settings.request_buffer = 4096;
    settings.client.body_total_time = base::Milliseconds{10000};
    context->deadlines.set_duration(client::Limit::body, base::Milliseconds{10000});
    auto one = worker(1);
    const os::Fd browser = client();
    constexpr std::size_t kBody = 300000;
    send(browser, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(kBody) +
                      "\r\n\r\n" + std::string(kBody - 100000, 'b'));
    auto taken = take(one);
    for (int turns = 0; turns < 10; ++turns) turn();
    clock.advance(base::Milliseconds{60000});
    for (int turns = 0; turns < 10; ++turns) turn();
    std::size_t got = 0;
    const auto read = [&] {
        const std::size_t there = taken->body().size();
        got += there;
        taken->release(there);
    };
    until([&] {
        read();
        return got == kBody - 100000;
    });
    send(browser, std::string(100000, 'b'));
    until([&] {
        read();
        return taken->body_end() != mailbox::kBodyOpen;
    });
    EXPECT_EQ(taken->body_end(), mailbox::kBodyComplete);
}

// The worker was slow for a while; now the client is.
TEST_F(FrontTest, AClientThatFallsSilentHoldsNoWorker) {
    settings.request_buffer = 4096;
    context->deadlines.set_duration(client::Limit::body, base::Milliseconds{10000});
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser,
         "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + std::string(140000, 'b'));
    auto taken = take(one);
    for (int turns = 0; turns < 10; ++turns) turn();
    std::size_t got = 0;
    until([&] {
        const std::size_t there = taken->body().size();
        got += there;
        taken->release(there);
        return got == 140000;
    });
    turn();
    clock.advance(base::Milliseconds{11000});
    until([&] { return taken->body_end() != mailbox::kBodyOpen; });
    EXPECT_EQ(taken->body_end(), 408U);
}

TEST_F(FrontTest, ABodyWaitsInItsSocketThoughItsClientSendsNoMore) {
    settings.request_buffer = 4096;
    auto one = worker(1);
    const os::Fd browser = client();
    constexpr std::size_t kBody = 300000;
    const std::string request =
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n" + std::string(kBody, 'b');
    std::size_t sent = 0;
    until([&] {
        const ssize_t size =
            ::send(browser.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (size > 0) sent += static_cast<std::size_t>(size);
        return sent == request.size();
    });
    ::shutdown(browser.get(), SHUT_WR);
    for (int turns = 0; turns < 10; ++turns) turn();
    auto taken = take(one);
    std::size_t got = 0;
    until([&] {
        const std::size_t there = taken->body().size();
        got += there;
        taken->release(there);
        return taken->body_end() != mailbox::kBodyOpen;
    });
    EXPECT_EQ(taken->body_end(), mailbox::kBodyComplete);
    testing::answer(*taken, "thanks");
    read_until(browser, "thanks");
}

TEST_F(FrontTest, EachUnreadBodyIsDroppedByItself) {
    settings.request_buffer = 4096;
    auto one = worker(1);
    const os::Fd browser = client();
    const std::string body(600000, 'b');
    for (int i = 0; i < 4; ++i) {
        send(browser,
             "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 600000\r\n\r\n" + body.substr(0, 5000));
        testing::answer(*take(one), "early");
        EXPECT_EQ(read_until(browser, "early").find("Connection: close"), std::string::npos);
        std::size_t sent = 5000;
        until([&] {
            const ssize_t size =
                ::send(browser.get(), body.data() + sent, body.size() - sent, MSG_NOSIGNAL);
            if (size > 0) sent += static_cast<std::size_t>(size);
            return sent == body.size() || ended(browser);
        });
        ASSERT_FALSE(ended(browser)) << i;
    }
}

TEST_F(FrontTest, WhatWasSentBeforeTheEndIsAnswered) {
    auto one = worker(1);
    const os::Fd browser = client();
    const std::string half = "POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf";
    send(browser, get("/a") + get("/b") + half);
    ::shutdown(browser.get(), SHUT_WR);
    for (const char* path : {"/a", "/b"}) {
        std::string asked;
        auto taken = take(one, &asked);
        EXPECT_EQ(asked, path);
        turn();
        testing::answer(*taken, asked);
    }
    std::string got;
    until([&] {
        got += received(browser);
        return ended(browser);
    });
    EXPECT_NE(got.find("/b"), std::string::npos);
    EXPECT_NE(got.find("HTTP/1.1 400 "), std::string::npos);
    EXPECT_FALSE(one.side->take());
}

TEST_F(FrontTest, WhatEndsInTheQueueLeavesIt) {
    settings.queue = 1;
    settings.request_buffer = 4096;
    for (int i = 0; i < 3; ++i) {
        const os::Fd browser = client();
        send(browser, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1400\r\n" +
                          std::string(0x1400, 'b') + "\r\n");
        turn();
        EXPECT_EQ(slot.queued.load(), 1U) << i;
        send(browser, "no size\r\n");
        EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 400 "));
        EXPECT_EQ(slot.queued.load(), 0U) << i;
    }
    EXPECT_EQ(slot.queue_full.load(), 0U);
}

TEST_F(FrontTest, AHeadThatNoMailboxTakesKeepsNobodyWaiting) {
    settings.client.limits.head_bytes = 65536;
    const os::Fd first = client();
    const os::Fd second = client();
    send(first, get("/" + std::string(20000, 'x')));
    send(second, get("/second"));
    turn();
    EXPECT_EQ(slot.queued.load(), 2U);
    auto one = worker(1);
    testing::answer(*take(one), "second");
    read_until(second, "second");
    EXPECT_TRUE(read_until(first, "\r\n\r\n").starts_with("HTTP/1.1 431 "));
}

}  // namespace
}  // namespace mew::front
