// Requests through a front, its workers played by the test.
#include <sys/stat.h>

#include "front/test_front.h"

namespace mew::front {
namespace {

using mailbox::RecordKind;
using mailbox::Taken;
using testing::answer;
using testing::FakeWorker;
using testing::FrontTest;
using testing::get;
using testing::head_bytes;
using testing::kNoFrame;

TEST_F(FrontTest, ARequestIsAnswered) {
    auto one = worker(1);
    const os::Fd browser = client();
    for (const char* path : {"/first", "/second"}) {
        send(browser, get(path));
        std::string asked;
        auto taken = take(one, &asked);
        EXPECT_EQ(asked, path);
        answer(*taken, path);
        const std::string got = read_until(browser, path);
        EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\n")) << got;
        EXPECT_NE(got.find("Content-Length: "), std::string::npos);
    }
    EXPECT_EQ(slot.requests.load(), 2U);
    EXPECT_EQ(slot.connections.load(), 1U);
}

TEST_F(FrontTest, PipelinedRequestsAreAnsweredInOrder) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/a") + get("/b") + get("/c"));
    for (const char* path : {"/a", "/b", "/c"}) {
        std::string asked;
        auto taken = take(one, &asked);
        EXPECT_EQ(asked, path);
        EXPECT_FALSE(one.side->take()) << "one at a time";
        answer(*taken, asked);
        EXPECT_NE(read_until(browser, path).find("200 OK"), std::string::npos);
    }
}

std::string post(const std::string& body) {
    return "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

TEST_F(FrontTest, ASmallBodyComesWithItsRequest) {
    auto one = worker(1);
    const os::Fd browser = client();
    const std::string request = post("hello");
    send(browser, request.substr(0, request.size() - 2));
    turn();
    EXPECT_FALSE(one.side->take()) << "not before it is whole";
    send(browser, request.substr(request.size() - 2));
    auto taken = take(one);
    EXPECT_EQ(taken->frame().body_size, 5U);
    EXPECT_EQ(taken->body(), "hello");
    EXPECT_EQ(taken->body_end(), mailbox::kBodyComplete);
}

TEST_F(FrontTest, ALargeBodyComesAsAFile) {
    auto one = worker(1);
    const os::Fd browser = client();
    const std::string body(300000, 'b');
    const std::string request = post(body);
    std::size_t sent = 0;
    std::unique_ptr<Taken> taken;
    until([&] {
        const ssize_t size =
            ::send(browser.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (size > 0) sent += static_cast<std::size_t>(size);
        auto next = one.side->take();
        if (next) taken = std::make_unique<Taken>(*std::move(next));
        return taken != nullptr;
    });
    ASSERT_EQ(sent, request.size()) << "no worker before it is whole";
    http::RequestHead head;
    ASSERT_TRUE(taken->read_head(head));
    EXPECT_EQ(taken->frame().body, mailbox::BodyWay::file);
    std::string read(body.size() + 1, '\0');
    EXPECT_EQ(::pread(taken->file(), read.data(), read.size(), 0),
              static_cast<ssize_t>(body.size()));
    EXPECT_EQ(read.substr(0, body.size()), body);
    EXPECT_EQ(context->spill_totals.spills, 1U);
}

TEST_F(FrontTest, AVeryLargeBodyStreams) {
    settings.request_buffer = 4096;
    auto one = worker(1);
    const os::Fd browser = client();
    const std::string request = post(std::string(500000, 's'));
    std::size_t sent = 0;
    std::unique_ptr<Taken> taken;
    std::size_t got = 0;
    until([&] {
        const ssize_t size =
            ::send(browser.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
        if (size > 0) sent += static_cast<std::size_t>(size);
        if (!taken) {
            auto next = one.side->take();
            if (!next) return false;
            taken = std::make_unique<Taken>(*std::move(next));
            http::RequestHead head;
            EXPECT_TRUE(taken->read_head(head));
        }
        const std::size_t piece = taken->body().size();
        got += piece;
        taken->release(piece);
        return taken->body_end() == mailbox::kBodyComplete && taken->body().empty();
    });
    EXPECT_EQ(got, 500000U);
    answer(*taken, "thanks");
    read_until(browser, "thanks");
}

TEST_F(FrontTest, ContinueIsSaidWhenTheAppReads) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser,
         "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    auto taken = take(one);
    turn();
    EXPECT_EQ(received(browser), "");
    ASSERT_TRUE(taken->write(RecordKind::go_on, {}, {}, kNoFrame));
    taken->ring();
    EXPECT_EQ(read_until(browser, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    send(browser, "ok");
    until([&] { return taken->body_end() == mailbox::kBodyComplete; });
    EXPECT_EQ(taken->body(), "ok");
}

// --- the queue

TEST_F(FrontTest, WhatFindsNoWorkerWaits) {
    const os::Fd browser = client();
    send(browser, get("/early"));
    turn();
    EXPECT_EQ(slot.queued.load(), 1U);
    auto one = worker(1);
    std::string path;
    auto taken = take(one, &path);
    EXPECT_EQ(path, "/early");
    answer(*taken, "late");
    read_until(browser, "late");
    EXPECT_EQ(slot.queued.load(), 0U);
    EXPECT_EQ(slot.queue_waited.load(), 1U);
}

TEST_F(FrontTest, AFullQueueSays503) {
    settings.queue = 1;
    const os::Fd first = client();
    const os::Fd second = client();
    send(first, get("/"));
    turn();
    send(second, get("/"));
    const std::string got = read_until(second, "\r\n\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 503 ")) << got;
    EXPECT_NE(got.find("Retry-After: 1\r\n"), std::string::npos);
    EXPECT_EQ(slot.queue_full.load(), 1U);
    EXPECT_FALSE(ended(second)) << "the connection may go on";
}

TEST_F(FrontTest, WaitingHasALimit) {
    context->deadlines.set_duration(client::Limit::queue, base::Milliseconds{1});
    const os::Fd browser = client();
    send(browser, get("/"));
    EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 503 "));
    EXPECT_EQ(slot.queue_timeouts.load(), 1U);
}

TEST_F(FrontTest, WhoLeavesTheQueueIsForgotten) {
    os::Fd browser = client();
    send(browser, get("/gone"));
    turn();
    browser.reset();
    until([&] { return slot.connections.load() == 0; });
    auto one = worker(1);
    turn();
    EXPECT_FALSE(one.side->take());
    EXPECT_EQ(slot.queued.load(), 0U);
}

TEST_F(FrontTest, OnlyServingGenerationsGetRequests) {
    auto old = worker(1, 1);
    gate.set_serving(2, 2);
    auto young = worker(1, 2);
    const os::Fd browser = client();
    send(browser, get("/"));
    auto taken = take(young);
    EXPECT_FALSE(old.side->take());
    answer(*taken, "new");
    read_until(browser, "new");
}

// --- workers that are slow, leave or die

TEST_F(FrontTest, WhatWaitsBehindALongCallGoesToAnIdleWorker) {
    auto slow = worker(1);
    const os::Fd first = client();
    send(first, get("/long"));
    auto running = take(slow);
    const os::Fd second = client();
    send(second, get("/short"));
    turn();
    EXPECT_TRUE(slow.side->has_posted()) << "there was nobody else";
    auto idle = worker(2);
    std::string path;
    auto taken = take(idle, &path);
    EXPECT_EQ(path, "/short");
    EXPECT_EQ(slot.revocations.load(), 1U);
    EXPECT_FALSE(slow.side->take()) << "it was taken back";
}

TEST_F(FrontTest, AWorkerThatLeavesKeepsWhatItBeganWith) {
    auto one = worker(1);
    const os::Fd first = client();
    const os::Fd second = client();
    send(first, get("/begun"));
    auto running = take(one);
    send(second, get("/posted"));
    turn();
    one.side->leave();
    auto two = worker(2);
    std::string path;
    auto moved = take(two, &path);
    EXPECT_EQ(path, "/posted");
    EXPECT_TRUE(one.side->hear()) << "not before its answer";
    answer(*running, "last");
    read_until(first, "last");
    until([&] { return !one.side->hear(); });
}

TEST_F(FrontTest, ADeadWorkersUntouchedRequestsGoElsewhere) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    turn();
    one.side.reset();
    auto two = worker(2);
    auto taken = take(two);
    answer(*taken, "saved");
    read_until(browser, "saved");
    EXPECT_EQ(slot.lost.load(), 0U);
}

TEST_F(FrontTest, ASafeRequestIsRunAgainOnce) {
    auto one = worker(1);
    auto two = worker(2);
    const os::Fd browser = client();
    send(browser, get("/"));
    std::unique_ptr<Taken> taken;
    FakeWorker* first = nullptr;
    until([&] {
        for (FakeWorker* each : {&one, &two}) {
            auto next = each->side->take();
            if (!next) continue;
            first = each;
            taken = std::make_unique<Taken>(*std::move(next));
        }
        return first != nullptr;
    });
    FakeWorker& other = first == &one ? two : one;
    taken.reset();
    first->side.reset();
    turn();
    EXPECT_FALSE(other.side->take()) << "why it died is not known yet";
    dispatch->on_ended(first->id, "");
    auto again = take(other);
    EXPECT_EQ(slot.retries.load(), 1U);
    again.reset();
    other.side.reset();
    dispatch->on_ended(other.id, "");
    EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 502 "));
}

class DeathTest : public FrontTest {
protected:
    // The worker dies while it runs this; what the client gets.
    std::string after_death(const std::string& request, const std::string& why_not) {
        auto one = worker(1);
        auto two = worker(2);
        gate.set_serving(1, 1);
        const os::Fd browser = client();
        send(browser, request);
        std::unique_ptr<Taken> taken;
        until([&] {
            for (FakeWorker* each : {&one, &two}) {
                auto next = each->side->take();
                if (!next) continue;
                taken = std::make_unique<Taken>(*std::move(next));
                each->side.reset();
                dispatch->on_ended(each->id, why_not);
            }
            return taken != nullptr;
        });
        return read_until(browser, "\r\n\r\n");
    }
};

TEST_F(DeathTest, OrderedEndsRunNothingAgain) {
    EXPECT_TRUE(after_death(get("/"), "harakiri").starts_with("HTTP/1.1 502 "));
    EXPECT_EQ(slot.lost.load(), 1U);
}

TEST_F(DeathTest, UnsafeMethodsRunOnce) {
    EXPECT_TRUE(after_death(post("x"), "").starts_with("HTTP/1.1 502 "));
}

TEST_F(DeathTest, NothingRunsAgainWhereThatIsOff) {
    settings.retry = Retry::queued;
    EXPECT_TRUE(after_death(get("/"), "").starts_with("HTTP/1.1 502 "));
}

TEST_F(FrontTest, AnAnswerThatHadBegunBreaksWithItsWorker) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/"));
    auto taken = take(one);
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, UINT64_MAX), {}, kNoFrame));
    ASSERT_TRUE(taken->write(RecordKind::body, "half", {}, kNoFrame));
    taken.reset();
    one.side.reset();
    std::string got;
    until([&] {
        got += received(browser);
        return ended(browser);
    });
    EXPECT_NE(got.find("half"), std::string::npos);
    EXPECT_EQ(got.find("0\r\n\r\n"), std::string::npos) << "it must not look complete";
}

// --- clients that are slow

TEST_F(FrontTest, ASlowReaderHoldsNoWorker) {
    settings.client.response_buffer = 1U << 20;
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/"));
    auto taken = take(one);
    const std::string piece(Taken::kMostBody, 'p');
    constexpr int kPieces = 200;  // 6.5 MB, which no socket keeps
    ASSERT_TRUE(
        taken->write(RecordKind::head, head_bytes(200, kPieces * piece.size()), {}, kNoFrame));
    for (int i = 0; i < kPieces; ++i) {
        ASSERT_TRUE(taken->write(RecordKind::body, piece, {}, kNoFrame));
        taken->ring();
        turn();
    }
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    turn();
    EXPECT_EQ(slot.outstanding.load(), 0U) << "the worker is through";
    EXPECT_GT(context->spill_totals.bytes, 0U);
    std::size_t got = 0;
    until([&] {
        got += received(browser).size();
        return got > kPieces * piece.size();
    });
}

TEST_F(FrontTest, AStreamIsHeldBackByItsReader) {
    settings.client.response_buffer = 1U << 20;
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/"));
    auto taken = take(one);
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, UINT64_MAX), {}, kNoFrame));
    const std::string piece(1000, 'p');
    // As much as goes without waiting for the reader.
    std::size_t written = 0;
    std::size_t got = 0;
    const mailbox::SlotControl& control = one.spy.control(0);
    const auto room = [&] {
        return mailbox::kReplyRing - (control.reply_written.load() - control.reply_read.load());
    };
    for (int quiet = 0; quiet < 10; turn()) {
        if (room() < piece.size() + 64) {
            ++quiet;
            continue;
        }
        quiet = 0;
        ASSERT_TRUE(taken->write(RecordKind::body, piece, {}, kNoFrame));
        taken->ring();
        written += piece.size();
        ASSERT_LT(written, 8U << 20) << "nothing holds it back";
    }
    EXPECT_EQ(context->spill_totals.bytes, 0U) << "a stream gets no file";
    until([&] {
        got += received(browser).size();
        return room() > mailbox::kReplyRing / 2;
    });
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    taken->ring();
    until([&] {
        got += received(browser).size();
        return got > written;
    });
}

// --- files

class FileTest : public FrontTest {
protected:
    void SetUp() override {
        FrontTest::SetUp();
        file.reset(::open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        content = std::string(200000, 'f') + "the end";
        ASSERT_EQ(::write(file.get(), content.data(), content.size()),
                  static_cast<ssize_t>(content.size()));
    }
    std::string answer_with(int fd, std::uint64_t offset, std::uint64_t size,
                            std::uint64_t announced) {
        auto one = worker(1);
        const os::Fd browser = client();
        send(browser, get("/"));
        auto taken = take(one);
        EXPECT_TRUE(taken->write(RecordKind::head, head_bytes(200, announced), {}, kNoFrame));
        EXPECT_TRUE(taken->write_file(fd, offset, size, kNoFrame));
        EXPECT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
        taken->ring();
        std::string got;
        until([&] {
            got += received(browser);
            return slot.outstanding.load() == 0 && (ended(browser) || got.ends_with("the end"));
        });
        return got;
    }
    os::Fd file;
    std::string content;
};

TEST_F(FileTest, IsSent) {
    const std::string got = answer_with(file.get(), 10, content.size() - 10, content.size() - 10);
    EXPECT_TRUE(got.ends_with("\r\n\r\n" + content.substr(10)));
}

TEST_F(FileTest, OddOnesBreakTheAnswerOnly) {
    int pipe[2];
    ASSERT_EQ(::pipe2(pipe, O_CLOEXEC), 0);
    const os::Fd reading(pipe[0]);
    const os::Fd writing(pipe[1]);
    const os::Fd write_only(::open("/var/tmp", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    const os::Fd device(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
    const std::string path = "/proc/self/fd/" + std::to_string(file.get());
    const os::Fd named(::open(path.c_str(), O_PATH | O_CLOEXEC));
    for (const os::Fd* odd : {&reading, &write_only, &device, &named}) {
        const std::string got = answer_with(odd->get(), 0, 100, 100);
        EXPECT_EQ(got.find("\r\n\r\n") + 4, got.size()) << "a head and nothing more";
    }
    answer_with(file.get(), content.size() - 5, 100, 100);
    EXPECT_TRUE(broken.empty());
}

// --- workers that break the rules

class HostileTest : public FrontTest {
protected:
    void SetUp() override {
        FrontTest::SetUp();
        one = worker(1);
        browser = client();
        send(browser, get("/"));
        taken = take(one);
    }
    FakeWorker one;
    os::Fd browser;
    std::unique_ptr<Taken> taken;
};

TEST_F(HostileTest, BadHeadsHarmTheirAnswerOnly) {
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, 0, {{"X", "a\r\nSet-Cookie: b"}}),
                             {}, kNoFrame));
    taken->ring();
    const std::string got = read_until(browser, "\r\n\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 502 ")) << got;
    EXPECT_EQ(got.find("Set-Cookie"), std::string::npos);
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    turn();
    EXPECT_TRUE(broken.empty());
    EXPECT_EQ(slot.outstanding.load(), 0U);
}

TEST_F(HostileTest, BodiesWithoutAHeadAreNotSent) {
    ASSERT_TRUE(taken->write(RecordKind::body, "HTTP/1.1 200 OK\r\n\r\n", {}, kNoFrame));
    taken->ring();
    EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 502 "));
}

TEST_F(HostileTest, BodiesLongerThanAnnouncedAreCut) {
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, 3), {}, kNoFrame));
    ASSERT_TRUE(taken->write(RecordKind::body, "abcHTTP/1.1 200 OK", {}, kNoFrame));
    taken->ring();
    std::string got;
    until([&] {
        got += received(browser);
        return ended(browser);
    });
    EXPECT_TRUE(got.ends_with("\r\n\r\n")) << got;
}

TEST_F(HostileTest, ImpossiblePositionsEndTheChannel) {
    one.spy.control(0).reply_written.store(UINT64_MAX - 7);
    taken->ring();
    EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 502 "));
    ASSERT_EQ(broken.size(), 1U);
    EXPECT_EQ(broken[0].first, one.id);
    EXPECT_FALSE(dispatch->has_channels());
}

TEST_F(HostileTest, OddPacketsEndTheChannel) {
    ASSERT_EQ(::send(one.side->socket(), "what", 4, MSG_NOSIGNAL), 4);
    dispatch->on_ended(one.id, "killed");
    EXPECT_TRUE(read_until(browser, "\r\n\r\n").starts_with("HTTP/1.1 502 "));
}

TEST_F(HostileTest, AFileThatNeverCameEndsTheChannel) {
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, 8), {}, kNoFrame));
    const mailbox::FilePart part{0, 8};
    ASSERT_TRUE(taken->write(RecordKind::file, {reinterpret_cast<const char*>(&part), sizeof part},
                             {}, kNoFrame));
    taken->ring();
    until([&] { return !broken.empty(); });
}

}  // namespace
}  // namespace mew::front
