#include "control/message.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::control {
namespace {

using testing::HasSubstr;

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
        ++count;
    return count;
}

class MessageTest : public testing::Test {
protected:
    void SetUp() override {
        auto pair = make_pair();
        ASSERT_TRUE(pair);
        near_ = std::move(pair->near);
        far_ = std::move(pair->far);
    }
    // The bytes of a real packet, to be damaged.
    std::string packet() {
        EXPECT_TRUE(send(near_.get(), {.kind = Kind::ready, .text = "abc"}));
        std::string bytes(1000, '\0');
        const ssize_t got = ::recv(far_.get(), bytes.data(), bytes.size(), 0);
        EXPECT_GT(got, 0);
        bytes.resize(static_cast<std::size_t>(got));
        return bytes;
    }
    base::Result<Receipt> receive_bytes(const std::string& bytes) {
        EXPECT_EQ(::send(near_.get(), bytes.data(), bytes.size(), 0),
                  static_cast<ssize_t>(bytes.size()));
        Message message;
        return receive(far_.get(), message);
    }

    os::Fd near_;
    os::Fd far_;
};

TEST_F(MessageTest, EverythingArrives) {
    const std::string text("line\nwith \0 and \xff", 17);
    ASSERT_TRUE(send(near_.get(), {.kind = Kind::failed,
                                   .slot = 7,
                                   .generation = 3,
                                   .pid = 1221,
                                   .value = 0xfedcba9876543210,
                                   .text = text}));
    Message message;
    const auto got = receive(far_.get(), message);
    ASSERT_TRUE(got);
    EXPECT_EQ(*got, Receipt::message);
    EXPECT_EQ(message.kind, Kind::failed);
    EXPECT_EQ(message.slot, 7U);
    EXPECT_EQ(message.generation, 3U);
    EXPECT_EQ(message.pid, 1221);
    EXPECT_EQ(message.value, 0xfedcba9876543210);
    EXPECT_EQ(message.text, text);
    EXPECT_TRUE(message.descriptors.empty());
}

TEST_F(MessageTest, DescriptorsTravelAndAreCloseOnExec) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const os::Fd read_end(ends[0]);
    os::Fd write_end(ends[1]);
    ASSERT_TRUE(send(near_.get(), {.kind = Kind::spawn}, {write_end.get(), read_end.get()}));
    Message message;
    ASSERT_TRUE(receive(far_.get(), message));
    ASSERT_EQ(message.descriptors.size(), 2U);
    EXPECT_EQ(::fcntl(message.descriptors[0].get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ASSERT_EQ(::write(message.descriptors[0].get(), "x", 1), 1);
    char byte = 0;
    EXPECT_EQ(::read(message.descriptors[1].get(), &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
    // The next message replaces them.
    ASSERT_TRUE(send(near_.get(), {.kind = Kind::serve}));
    ASSERT_TRUE(receive(far_.get(), message));
    EXPECT_TRUE(message.descriptors.empty());
    EXPECT_EQ(message.text, "");
}

TEST_F(MessageTest, NothingYetThenClosed) {
    Message message;
    EXPECT_EQ(*receive(far_.get(), message), Receipt::nothing_yet);
    ASSERT_TRUE(send(near_.get(), {.kind = Kind::left}));
    near_.reset();
    EXPECT_EQ(*receive(far_.get(), message), Receipt::message) << "sent before the end counts";
    EXPECT_EQ(*receive(far_.get(), message), Receipt::closed);
    EXPECT_EQ(*receive(far_.get(), message, true), Receipt::closed);
    EXPECT_FALSE(send(far_.get(), {.kind = Kind::serve}));
}

TEST_F(MessageTest, LastWordsAreHeardOfOneThatHadNotReadAll) {
    ASSERT_TRUE(send(far_.get(), {.kind = Kind::serve}));
    ASSERT_TRUE(send(near_.get(), {.kind = Kind::left}));
    near_.reset();
    Message message;
    EXPECT_EQ(*receive(far_.get(), message), Receipt::message);
    EXPECT_EQ(message.kind, Kind::left);
    EXPECT_EQ(*receive(far_.get(), message), Receipt::closed);
}

TEST_F(MessageTest, WaitsForAMessage) {
    std::thread sender([this] { EXPECT_TRUE(send(near_.get(), {.kind = Kind::serve})); });
    Message message;
    EXPECT_EQ(*receive(far_.get(), message, true), Receipt::message);
    sender.join();
}

TEST_F(MessageTest, LongTextLosesItsMiddle) {
    const std::string text = "Traceback" + std::string(200000, 'x') + "ValueError: what matters";
    ASSERT_TRUE(send(near_.get(), {.kind = Kind::failed, .text = text}));
    Message message;
    ASSERT_TRUE(receive(far_.get(), message));
    EXPECT_LE(message.text.size(), kMaxText);
    EXPECT_THAT(message.text, testing::StartsWith("Traceback"));
    EXPECT_THAT(message.text, testing::EndsWith("what matters"));
    EXPECT_THAT(message.text, HasSubstr(" bytes cut ...]"));
    const std::string exact(kMaxText, 'y');
    ASSERT_TRUE(send(near_.get(), {.kind = Kind::failed, .text = exact}));
    ASSERT_TRUE(receive(far_.get(), message));
    EXPECT_EQ(message.text, exact);
}

TEST_F(MessageTest, FullSocketIsAnErrorNotAWait) {
    base::Result<void> sent;
    for (int i = 0; i < 100000 && sent; ++i) sent = send(near_.get(), {.kind = Kind::serve});
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().code, EAGAIN);
}

TEST_F(MessageTest, ForeignBuildIsTold) {
    const std::string good = packet();
    for (const std::size_t offset : {4U, 8U}) {  // version, build id
        std::string other = good;
        other[offset] = static_cast<char>(other[offset] ^ 1);
        const auto got = receive_bytes(other);
        ASSERT_FALSE(got);
        EXPECT_THAT(got.error().text, HasSubstr("another build"));
    }
}

TEST_F(MessageTest, DamagedPacketsAreRefused) {
    const std::string good = packet();
    EXPECT_TRUE(receive_bytes(good));
    for (std::size_t size = 1; size < good.size(); ++size)
        EXPECT_FALSE(receive_bytes(good.substr(0, size))) << size;
    EXPECT_FALSE(receive_bytes(good + "x"));
    EXPECT_FALSE(receive_bytes(std::string(70000, 'x')));
    std::string kind = good;
    kind[16] = 99;
    EXPECT_FALSE(receive_bytes(kind));
}

TEST_F(MessageTest, RefusedPacketsLeakNoDescriptors) {
    const std::size_t before = open_descriptors();
    for (const std::size_t count : {2U, 30U}) {  // 30: more than fit
        char byte = 'x';
        iovec part{&byte, 1};
        alignas(cmsghdr) char space[CMSG_SPACE(30 * sizeof(int))] = {};
        msghdr bad{};
        bad.msg_iov = &part;
        bad.msg_iovlen = 1;
        bad.msg_control = space;
        bad.msg_controllen = CMSG_SPACE(count * sizeof(int));
        cmsghdr* const control = CMSG_FIRSTHDR(&bad);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(count * sizeof(int));
        const std::vector<int> fds(count, far_.get());
        std::memcpy(CMSG_DATA(control), fds.data(), count * sizeof(int));
        ASSERT_EQ(::sendmsg(near_.get(), &bad, 0), 1);
        Message message;
        EXPECT_FALSE(receive(far_.get(), message));
    }
    EXPECT_EQ(open_descriptors(), before);
    EXPECT_FALSE(send(near_.get(), {}, {0, 0, 0, 0, 0}));
}

TEST_F(MessageTest, PartsOfAnotherBuildAreSpokenToWithTheirId) {
    const std::uint64_t theirs = build_id() ^ 1;
    ASSERT_TRUE(send(near_.get(), {.kind = Kind::retire, .value = 5}, {}, theirs));
    Message message;
    const auto refused = receive(far_.get(), message);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text, HasSubstr("another build"));
    ASSERT_TRUE(send(near_.get(), {.kind = Kind::retire, .value = 5}, {}, theirs));
    const auto got = receive(far_.get(), message, false, theirs);
    ASSERT_TRUE(got) << got.error().text;
    EXPECT_EQ(message.value, 5U);
}

TEST(Message, TheNewestKindArrives) {
    auto pair = make_pair();
    ASSERT_TRUE(pair);
    Message newest;
    newest.kind = Kind::drained;
    newest.text = std::string(240, '\0');
    ASSERT_TRUE(send(pair->near.get(), newest));
    Message heard;
    const auto receipt = receive(pair->far.get(), heard);
    ASSERT_TRUE(receipt) << receipt.error().text;
    EXPECT_EQ(heard.kind, Kind::drained);
    EXPECT_EQ(heard.text, newest.text);
}

// A running server of an older build reads these by their numbers: a change here is a change of
// kVersion.
TEST(Message, KindsKeepTheirNumbers) {
    EXPECT_EQ(kVersion, 1U);
    const Kind kinds[] = {
        Kind::hello,        Kind::ready,       Kind::failed, Kind::spawned, Kind::task_spawned,
        Kind::reload,       Kind::stop,        Kind::worn,   Kind::left,    Kind::files,
        Kind::changed,      Kind::watch,       Kind::hold,   Kind::spawn,   Kind::reserve,
        Kind::spawn_task,   Kind::check,       Kind::serve,  Kind::retire,  Kind::reopen_log,
        Kind::leave,        Kind::channel,     Kind::ended,  Kind::broken,  Kind::front_boot,
        Kind::certificates, Kind::ticket_keys, Kind::drained};
    std::uint32_t number = 0;
    for (const Kind kind : kinds) EXPECT_EQ(static_cast<std::uint32_t>(kind), number++);
}

}  // namespace
}  // namespace mew::control
