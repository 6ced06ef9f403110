#include "mailbox/channel.h"

#include <sys/mman.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "os/memory_file.h"

namespace mew::mailbox {
namespace {

constexpr std::size_t kControlBytes = sizeof(SlotControl);

std::uint32_t stride_for(std::uint32_t head_bytes) {
    return static_cast<std::uint32_t>(
        padded(kControlBytes + head_bytes + kBodyRing + kReplyRing, kPage));
}

std::size_t size_for(std::uint32_t head_bytes, std::uint32_t slots) {
    return kSlotsAt + std::size_t{slots} * stride_for(head_bytes);
}

// Behind a frame, so that each ring begins where a cache line does.
constexpr std::uint32_t kHeadAlign = 64;
// Heads that options allow are far below.
constexpr std::uint32_t kMostHeadBytes = 1U << 28;

}  // namespace

std::uint32_t head_room(std::uint32_t block, std::uint32_t fields) {
    const std::size_t size =
        sizeof(RequestFrame) + std::size_t{fields} * sizeof(http::FieldSlices) + block;
    return static_cast<std::uint32_t>(padded(size, kHeadAlign));
}

base::Result<os::Fd> make_channel(std::uint32_t head_bytes, std::uint32_t slots) {
    MEW_CHECK(head_bytes % kHeadAlign == 0 && head_bytes <= kMostHeadBytes);
    MEW_CHECK(slots >= kSlots && slots <= kMostSlots);
    auto memory = os::make_shared_memory("mewsgi-channel", size_for(head_bytes, slots));
    if (!memory) return memory;
    void* const mapped =
        ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, memory->get(), 0);
    if (mapped == MAP_FAILED) return base::fail_errno("cannot map a new channel");
    new (mapped) Header{kMagic, kVersion, slots, head_bytes, stride_for(head_bytes)};
    ::munmap(mapped, kPage);
    return memory;
}

void Ring::put(std::uint64_t position, std::string_view bytes) const {
    while (!bytes.empty()) {
        const std::span<char> place = piece(position, bytes.size());
        std::memcpy(place.data(), bytes.data(), place.size());
        bytes.remove_prefix(place.size());
        position += place.size();
    }
}

void Ring::get(std::uint64_t position, char* to, std::size_t size) const {
    while (size != 0) {
        const std::span<char> place = piece(position, size);
        std::memcpy(to, place.data(), place.size());
        to += place.size();
        size -= place.size();
        position += place.size();
    }
}

Channel::Channel(Channel&& other) noexcept { *this = std::move(other); }

Channel& Channel::operator=(Channel&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(size_, other.size_);
    std::swap(head_bytes_, other.head_bytes_);
    std::swap(stride_, other.stride_);
    std::swap(slots_, other.slots_);
    return *this;
}

Channel::~Channel() {
    if (memory_ != nullptr) ::munmap(memory_, size_);
}

base::Result<Channel> Channel::attach(int fd) {
    const auto size = os::shared_memory_size(fd);
    if (!size) return base::Unexpected<base::Error>{size.error()};
    if (*size < kSlotsAt) return base::fail("the channel is too small: not one of this build");
    void* const mapped = ::mmap(nullptr, *size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (mapped == MAP_FAILED) return base::fail_errno("cannot map a channel");
    Channel channel;
    channel.memory_ = static_cast<char*>(mapped);
    channel.size_ = *size;
    Header header;
    std::memcpy(&header, mapped, sizeof header);
    if (header.magic != kMagic || header.version != kVersion || header.slots < kSlots ||
        header.slots > kMostSlots || header.head_bytes % kHeadAlign != 0 ||
        header.head_bytes > kMostHeadBytes || header.slot_stride != stride_for(header.head_bytes) ||
        size_for(header.head_bytes, header.slots) != *size)
        return base::fail("the channel has another layout: it is of another build of mewsgi");
    channel.head_bytes_ = header.head_bytes;
    channel.stride_ = header.slot_stride;
    channel.slots_ = header.slots;
    return channel;
}

FrontLine& Channel::front_line() const {
    return *reinterpret_cast<FrontLine*>(memory_ + sizeof(Header));
}

WorkerLine& Channel::worker_line() const {
    return *reinterpret_cast<WorkerLine*>(memory_ + sizeof(Header) + sizeof(FrontLine));
}

std::atomic<std::uint64_t>& Channel::order(std::uint32_t number) const {
    auto* const orders = reinterpret_cast<std::atomic<std::uint64_t>*>(memory_ + kOrdersAt);
    return orders[number & (kOrders - 1)];
}

std::atomic<std::uint64_t>& Channel::woken(std::uint32_t word) const {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(memory_ + kWokenAt)[word];
}

char* Channel::slot_at(std::uint32_t slot) const {
    return memory_ + kSlotsAt + std::size_t{slot} * stride_;
}

SlotControl& Channel::control(std::uint32_t slot) const {
    return *reinterpret_cast<SlotControl*>(slot_at(slot));
}

std::span<char> Channel::head(std::uint32_t slot) const {
    return {slot_at(slot) + kControlBytes, head_bytes_};
}

Ring Channel::body_ring(std::uint32_t slot) const {
    return {slot_at(slot) + kControlBytes + head_bytes_, kBodyRing};
}

Ring Channel::reply_ring(std::uint32_t slot) const {
    return {slot_at(slot) + kControlBytes + head_bytes_ + kBodyRing, kReplyRing};
}

bool send_packet(int socket, const Packet& packet, int descriptor) {
    iovec bytes{const_cast<Packet*>(&packet), sizeof packet};  // NOLINT: sendmsg only reads it
    alignas(cmsghdr) char ancillary[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    if (descriptor >= 0) {
        message.msg_control = ancillary;
        message.msg_controllen = sizeof ancillary;
        cmsghdr* const head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    }
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(sizeof packet);
}

Receipt receive_packet(int socket, Received& received) {
    // Room for more than is ever sent: what a hostile peer packs in is closed, not left open.
    constexpr std::size_t kMost = 16;
    Packet packet{};
    iovec bytes{&packet, sizeof packet};
    alignas(cmsghdr) char ancillary[CMSG_SPACE(kMost * sizeof(int))];
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = ancillary;
    message.msg_controllen = sizeof ancillary;
    ssize_t size = 0;
    do {
        size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? Receipt::nothing_yet : Receipt::closed;
    received.descriptor.reset();
    int count = 0;
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        if (head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t fds = (head->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < fds; ++i, ++count) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(head) + i * sizeof fd, sizeof fd);
            received.descriptor.reset(fd);
        }
    }
    if (size != static_cast<ssize_t>(sizeof packet) || count > 1 ||
        (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return Receipt::closed;
    received.packet = packet;
    return Receipt::packet;
}

}  // namespace mew::mailbox
