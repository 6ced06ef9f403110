#include "mailbox/channel.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "mailbox/test_channel.h"
#include "os/memory_file.h"

namespace mew::mailbox {
namespace {

TEST(Channel, IsRefusedWhereItIsNotOurs) {
    EXPECT_FALSE(Channel::attach(-1));
    const os::Fd open_ended(::memfd_create("x", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(open_ended.get(), 1 << 20), 0);
    EXPECT_FALSE(Channel::attach(open_ended.get())) << "a peer could cut it";
    const auto zeros = os::make_shared_memory("zeros", 1 << 20);
    ASSERT_TRUE(zeros);
    EXPECT_FALSE(Channel::attach(zeros->get()));
}

TEST(Channel, IsRefusedWithAnotherLayout) {
    const auto memory = make_channel(4096);
    ASSERT_TRUE(memory);
    ASSERT_TRUE(Channel::attach(memory->get()));
    const std::uint32_t version = kVersion + 1;
    ASSERT_EQ(::pwrite(memory->get(), &version, sizeof version, offsetof(Header, version)),
              static_cast<ssize_t>(sizeof version));
    const auto attached = Channel::attach(memory->get());
    ASSERT_FALSE(attached);
    EXPECT_NE(attached.error().text.find("another build"), std::string::npos);
}

TEST(Ring, GoesRoundItsEnd) {
    std::string memory(16, '.');
    const Ring ring(memory.data(), 16);
    ring.put(12, "abcdefgh");
    std::string back(8, ' ');
    ring.get(12, back.data(), back.size());
    EXPECT_EQ(back, "abcdefgh");
    EXPECT_EQ(ring.piece(12, 8).size(), 4U);
    EXPECT_EQ(memory, "efgh........abcd");
}

class PacketTest : public ::testing::Test {
protected:
    void SetUp() override {
        int pair[2];
        ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        one.reset(pair[0]);
        other.reset(pair[1]);
    }
    os::Fd one;
    os::Fd other;
    Received received;
};

TEST_F(PacketTest, CarriesADescriptor) {
    const os::Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(receive_packet(other.get(), received), Receipt::nothing_yet);
    ASSERT_TRUE(send_packet(one.get(), {PacketKind::file, 3, 9}, null.get()));
    ASSERT_EQ(receive_packet(other.get(), received), Receipt::packet);
    EXPECT_EQ(received.packet.slot, 3U);
    EXPECT_EQ(received.packet.sequence, 9U);
    EXPECT_TRUE(received.descriptor.valid());
    EXPECT_NE(::fcntl(received.descriptor.get(), F_GETFD) & FD_CLOEXEC, 0);
    one.reset();
    EXPECT_EQ(receive_packet(other.get(), received), Receipt::closed);
}

TEST_F(PacketTest, OddOnesEndIt) {
    ASSERT_EQ(::send(one.get(), "short", 5, 0), 5);
    EXPECT_EQ(receive_packet(other.get(), received), Receipt::closed);
    const std::string longer(sizeof(Packet) + 1, 'x');
    ASSERT_EQ(::send(one.get(), longer.data(), longer.size(), 0), 17);
    EXPECT_EQ(receive_packet(other.get(), received), Receipt::closed);
}

}  // namespace
}  // namespace mew::mailbox
