// Answers of one worker to several clients: what is one's never comes near another's.
#include <fcntl.h>
#include <poll.h>

#include <thread>
#include <utility>

#include "front/test_front.h"

namespace mew::front {
namespace {

using mailbox::Lend;
using mailbox::RecordKind;
using mailbox::Taken;
using testing::FakeWorker;
using testing::FrontTest;
using testing::get;
using testing::head_bytes;
using testing::kNoFrame;

// Two requests that one worker has.
class TwoAnswersTest : public FrontTest {
protected:
    void SetUp() override {
        FrontTest::SetUp();
        one = worker(1);
        first = client();
        second = client();
        send(first, get("/first"));
        send(second, "POST /second HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
        to_first = take(one);
        to_second = take(one);
    }
    void give(Taken& to, RecordKind kind, std::string_view bytes) {
        ASSERT_TRUE(to.write(kind, bytes, {}, kNoFrame));
    }
    FakeWorker one;
    os::Fd first;
    os::Fd second;
    std::unique_ptr<Taken> to_first;
    std::unique_ptr<Taken> to_second;
};

TEST_F(TwoAnswersTest, AFileThatHasToBeAwaited) {
    // No file of /proc can tell whether a read would wait: a thread reads it.
    const os::Fd file(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
    give(*to_first, RecordKind::head, head_bytes(201, 9));
    ASSERT_TRUE(to_first->write_file(file.get(), 0, 9, kNoFrame));
    ASSERT_TRUE(to_first->finish(RecordKind::end, {}, kNoFrame));
    testing::answer(*to_second, "second");
    const std::string got = read_until(second, "\r\n\r\nsecond");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 200 ")) << got;
    EXPECT_TRUE(read_until(first, "\r\n\r\n").starts_with("HTTP/1.1 201 "));
}

TEST_F(TwoAnswersTest, AFileThatNeverCame) {
    give(*to_first, RecordKind::head, head_bytes(201, 8));
    give(*to_first, RecordKind::file, std::string(sizeof(mailbox::FilePart), '\0'));
    to_first->ring();
    const std::string got = read_until(second, "\r\n\r\n");
    EXPECT_TRUE(got.starts_with("HTTP/1.1 502 ")) << got;
}

TEST_F(TwoAnswersTest, AClientThatLeftInTheMiddle) {
    give(*to_first, RecordKind::head, head_bytes(201, UINT64_MAX));
    give(*to_first, RecordKind::body, std::string(Taken::kMostBody, 'x'));
    first.reset();
    testing::answer(*to_second, "second");
    EXPECT_TRUE(read_until(second, "\r\n\r\nsecond").starts_with("HTTP/1.1 200 "));
}

// Once a worker has said all of its answer it is free, however slowly a client takes a file.
TEST_F(FrontTest, ASlowReaderOfAFileHoldsNoWorker) {
    settings.client.response_buffer = 65536;
    auto one = worker(1);
    const os::Fd slow = client();
    const os::Fd file(::open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    const std::string content = std::string(3U << 20, 'f') + "the end";
    ASSERT_EQ(::write(file.get(), content.data(), content.size()),
              static_cast<ssize_t>(content.size()));
    send(slow, get("/file"));
    auto taken = take(one);
    clock.advance(base::Milliseconds{5});  // it gets only one at a time from now on
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, content.size()), {}, kNoFrame));
    ASSERT_TRUE(taken->write_file(file.get(), 0, content.size(), kNoFrame));
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    taken->ring();
    const os::Fd quick = client();
    for (int i = 0; i < 2; ++i) {
        send(quick, get("/quick"));
        testing::answer(*take(one), "quick");
        read_until(quick, "quick");
    }
    EXPECT_EQ(slot.outstanding.load(), 0U);
    one.side->leave();
    until([&] { return !one.side->hear(); });
    std::size_t got = 0;
    std::string last;
    until([&] {
        const std::string more = received(slow);
        got += more.size();
        if (!more.empty()) last = more;
        return got > content.size();
    });
    EXPECT_TRUE(last.ends_with("the end"));
}

// However fast its client reads: others have their turn meanwhile.
TEST_F(FrontTest, ALargeFileIsSentInManyTurns) {
    settings.client.response_buffer = 65536;
    auto one = worker(1);
    const os::Fd quick = client();
    const os::Fd file(::open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    constexpr std::uint64_t kSize = 64U << 20;
    ASSERT_EQ(::ftruncate(file.get(), kSize), 0);
    send(quick, get("/file"));
    auto taken = take(one);
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, kSize), {}, kNoFrame));
    ASSERT_TRUE(taken->write_file(file.get(), 0, kSize, kNoFrame));
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    taken->ring();
    std::thread reader([&] {
        std::string bytes(1U << 20, '\0');
        std::uint64_t got = 0;
        pollfd readable{quick.get(), POLLIN, 0};
        while (got < kSize && ::poll(&readable, 1, testing::kDeadlineMs) == 1) {
            const ssize_t size = ::recv(quick.get(), bytes.data(), bytes.size(), 0);
            if (size <= 0) break;
            got += static_cast<std::uint64_t>(size);
        }
    });
    until([&, before = slot.tx_bytes.load()]() mutable {
        const std::uint64_t sent = slot.tx_bytes.load();
        EXPECT_LE(sent - std::exchange(before, sent), 3U << 20);
        return sent > kSize;
    });
    reader.join();
}

TEST_F(FrontTest, WhoNeverReadsAFileIsClosed) {
    context->deadlines.set_duration(client::Limit::send, base::Milliseconds{10000});
    auto one = worker(1);
    const os::Fd browser = client();
    const os::Fd file(::open("/var/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    ASSERT_EQ(::ftruncate(file.get(), 64 << 20), 0);
    send(browser, get("/file"));
    auto taken = take(one);
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, 64 << 20), {}, kNoFrame));
    ASSERT_TRUE(taken->write_file(file.get(), 0, 64 << 20, kNoFrame));
    taken->ring();
    for (int turns = 0; turns < 20; ++turns) turn();
    clock.advance(base::Milliseconds{11000});
    until([&] { return slot.connections.load() == 0; });
    EXPECT_EQ(slot.send_timeouts.load(), 1U);
}

TEST_F(FrontTest, ASlowReaderOfAStreamHoldsNoWorkerThatIsThrough) {
    settings.client.response_buffer = 65536;
    auto one = worker(1);
    const os::Fd slow = client();
    send(slow, get("/stream"));
    auto taken = take(one);
    ASSERT_TRUE(taken->write(RecordKind::head, head_bytes(200, UINT64_MAX), {}, kNoFrame));
    const std::string piece(1000, 's');
    const mailbox::SlotControl& control = one.spy.control(0);
    std::size_t written = 0;
    for (int quiet = 0; quiet < 5; turn()) {
        const auto behind = control.reply_written.load() - control.reply_read.load();
        quiet = mailbox::kReplyRing - behind < piece.size() + 64 ? quiet + 1 : 0;
        if (quiet != 0) continue;
        ASSERT_TRUE(taken->write(RecordKind::body, piece, {}, kNoFrame));
        taken->ring();
        written += piece.size();
    }
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    const os::Fd quick = client();
    send(quick, get("/quick"));
    turn();
    EXPECT_EQ(slot.outstanding.load(), 1U) << "of the second alone";
    testing::answer(*take(one), "quick");
    read_until(quick, "quick");
    std::string got;
    until([&] {
        got += received(slow);
        return got.ends_with("0\r\n\r\n");
    });
    EXPECT_GT(got.size(), written);
}

// At a stop it is looked at in each turn, and its refusal may wait behind an answer.
TEST_F(FrontTest, ARequestThatIsGivenUpIsRefusedOnce) {
    auto one = worker(1);
    const os::Fd slow = client();
    send(slow, get("/first"));
    auto taken = take(one);
    const std::string piece(mailbox::Taken::kMostBody, 'p');
    constexpr std::size_t kPieces = 20;
    ASSERT_TRUE(
        taken->write(RecordKind::head, head_bytes(200, kPieces * piece.size()), {}, kNoFrame));
    for (std::size_t i = 0; i < kPieces; ++i) {
        ASSERT_TRUE(taken->write(RecordKind::body, piece, {}, kNoFrame));
        turn();
    }
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    send(slow, "GET /half");
    turn();
    for (int turns = 0; turns < 3; ++turns) {
        context->connections.front().give_up_half_sent();
        turn();
    }
    send(slow, " HTTP/1.1\r\nHost: x\r\n\r\n");
    turn();
    EXPECT_FALSE(one.side->take()) << "it was refused";
    std::string got;
    until([&] {
        got += received(slow);
        return ended(slow);
    });
    const std::size_t refusal = got.find("HTTP/1.1 503 ");
    EXPECT_NE(refusal, std::string::npos);
    EXPECT_EQ(got.find("HTTP/1.1 503 ", refusal + 1), std::string::npos);
}

// More than fits lies behind the request: the app cannot have the connection, and answers.
TEST_F(FrontTest, AConnectionThatCannotBeLentIsServedOn) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/first") +
                      "POST /second HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n" +
                      std::string(80000, 'b'));
    auto taken = take(one);
    turn();
    ASSERT_TRUE(taken->ask_for_connection(Lend::until_end, kNoFrame));
    until([&] { return taken->body_end() != mailbox::kBodyOpen; });
    EXPECT_GT(taken->body_end(), mailbox::kBodyComplete);
    testing::answer(*taken, "first");
    read_until(browser, "first");
    send(browser, std::string(10000, 'b'));
    std::string path;
    testing::answer(*take(one, &path), "second");
    EXPECT_EQ(path, "/second");
    read_until(browser, "second");
}

TEST_F(FrontTest, ALentConnectionComesWithWhatLayBehind) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/") + "and more");
    auto taken = take(one);
    EXPECT_TRUE(taken->may_be_lent());
    ASSERT_TRUE(taken->ask_for_connection(Lend::until_end, kNoFrame));
    turn();
    std::string unread;
    os::Fd socket;
    ASSERT_EQ(taken->take_connection(socket, unread), mailbox::Taken::Lent::yes);
    EXPECT_EQ(unread, "and more");
    send(socket, "what the app says");
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    taken->ring();
    EXPECT_EQ(read_until(browser, "says"), "what the app says");
    until([&] { return ended(browser); });
}

TEST_F(FrontTest, AConnectionThatIsLentForGoodOutlivesItsExchange) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/") + "and more");
    auto taken = take(one);
    ASSERT_TRUE(taken->ask_for_connection(Lend::for_good, kNoFrame));
    turn();
    std::string unread;
    os::Fd socket;
    ASSERT_EQ(taken->take_connection(socket, unread), mailbox::Taken::Lent::yes);
    EXPECT_EQ(unread, "and more");
    until([&] { return slot.connections.load() == 0; });
    EXPECT_FALSE(taken->cancelled()) << "nobody gave it up";
    ASSERT_TRUE(taken->finish(RecordKind::end, {}, kNoFrame));
    taken->ring();
    until([&] { return slot.outstanding.load() == 0; });
    const os::Fd next = client();
    send(next, get("/next"));
    testing::answer(*take(one), "next");
    read_until(next, "next");
    send(browser, "to the worker");
    EXPECT_EQ(received(socket), "to the worker");
    send(socket, "and back");
    EXPECT_EQ(received(browser), "and back");
    socket.reset();
    EXPECT_TRUE(ended(browser));
}

// It need not say that it is done before the front lets it go.
TEST_F(FrontTest, AWorkerThatDiesWithALentConnectionCostsNoOther) {
    auto one = worker(1);
    const os::Fd browser = client();
    send(browser, get("/"));
    auto taken = take(one);
    ASSERT_TRUE(taken->ask_for_connection(Lend::for_good, kNoFrame));
    turn();
    std::string unread;
    os::Fd socket;
    ASSERT_EQ(taken->take_connection(socket, unread), mailbox::Taken::Lent::yes);
    taken.reset();
    one.side.reset();
    until([&] { return slot.channels.load() == 0; });
    EXPECT_EQ(slot.lost.load(), 0U);
    EXPECT_FALSE(ended(browser));
}

}  // namespace
}  // namespace mew::front
