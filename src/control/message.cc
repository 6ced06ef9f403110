#include "control/message.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "control/build_id.h"

namespace mew::control {
namespace {

constexpr std::uint32_t kMagic = 0x4d455743;  // "MEWC"
constexpr auto kLastKind = static_cast<std::uint32_t>(Kind::drained);

struct PacketHeader {
    std::uint32_t magic = kMagic;
    std::uint32_t version = kVersion;
    std::uint64_t build_id = 0;
    std::uint32_t kind = 0;
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::int32_t pid = 0;
    std::uint64_t value = 0;
    std::uint32_t text_size = 0;
    std::uint32_t reserved = 0;
};
static_assert(sizeof(PacketHeader) == 48);

using DescriptorSpace = std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))>;

// As data, read anew each time: so it stands in one place of the file, where the tests of upgrades
// put another one, and a second build need not be compiled.
const volatile std::uint64_t kHeldBuildId = kBuildId;

// Both ends of a traceback tell more than its middle: where it began, and what was raised.
std::string cut_text(const std::string& text) {
    constexpr std::size_t kRoomForMark = 80;
    constexpr std::size_t kFront = kMaxText / 4;
    constexpr std::size_t kBack = kMaxText - kFront - kRoomForMark;
    const std::size_t missing = text.size() - kFront - kBack;
    return text.substr(0, kFront) + "\n[... " + std::to_string(missing) + " bytes cut ...]\n" +
           text.substr(text.size() - kBack);
}

void attach_descriptors(msghdr& packet, DescriptorSpace& space, const std::vector<int>& fds) {
    packet.msg_control = space.data();
    packet.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* const part = CMSG_FIRSTHDR(&packet);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    std::memcpy(CMSG_DATA(part), fds.data(), fds.size() * sizeof(int));
}

// Owns all that came along at once, so that no refusal below leaks a descriptor.
std::vector<os::Fd> take_descriptors(msghdr& packet) {
    std::vector<os::Fd> taken;
    for (cmsghdr* part = CMSG_FIRSTHDR(&packet); part != nullptr;
         part = CMSG_NXTHDR(&packet, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            taken.emplace_back(fd);
        }
    }
    return taken;
}

base::Result<void> check_header(const PacketHeader& header, std::size_t size, std::uint64_t build) {
    if (size < sizeof header || header.magic != kMagic)
        return base::fail("a packet on the control socket is not one of ours");
    if (header.version != kVersion || header.build_id != build)
        return base::fail(
            "the other process belongs to another build of mewsgi; was it upgraded or rebuilt "
            "while running? Start the server anew");
    if (header.kind > kLastKind || header.text_size != size - sizeof header)
        return base::fail("a packet on the control socket is damaged");
    return {};
}

bool wait_readable(int fd) {
    pollfd poller{fd, POLLIN, 0};
    for (;;) {
        const int ready = ::poll(&poller, 1, -1);
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

}  // namespace

std::uint64_t build_id() { return kHeldBuildId; }

base::Result<Pair> make_pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return base::fail_errno("cannot make a control socket");
    return Pair{os::Fd(ends[0]), os::Fd(ends[1])};
}

base::Result<void> send(int fd, const Message& message, const std::vector<int>& descriptors,
                        std::uint64_t build) {
    if (descriptors.size() > kMaxDescriptors)
        return base::fail("too many descriptors for one control message");
    const bool cut = message.text.size() > kMaxText;
    std::string text = cut ? cut_text(message.text) : message.text;
    PacketHeader header;
    header.build_id = build;
    header.kind = static_cast<std::uint32_t>(message.kind);
    header.slot = message.slot;
    header.generation = message.generation;
    header.pid = message.pid;
    header.value = message.value;
    header.text_size = static_cast<std::uint32_t>(text.size());

    std::array<iovec, 2> parts{{{&header, sizeof header}, {text.data(), text.size()}}};
    msghdr packet{};
    packet.msg_iov = parts.data();
    packet.msg_iovlen = parts.size();
    alignas(cmsghdr) DescriptorSpace space{};
    if (!descriptors.empty()) attach_descriptors(packet, space, descriptors);

    ssize_t done = 0;
    do done = ::sendmsg(fd, &packet, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (done < 0 && errno == EINTR);
    if (done < 0 && errno == EAGAIN)
        return base::fail_errno("the other process does not read its control socket");
    if (done < 0) return base::fail_errno("cannot send on the control socket");
    return {};
}

base::Result<Receipt> receive(int fd, Message& message, bool wait, std::uint64_t build) {
    // Large, but the stack of every caller is a main thread's.
    std::array<char, sizeof(PacketHeader) + kMaxText> bytes{};
    alignas(cmsghdr) DescriptorSpace space{};
    iovec part{bytes.data(), bytes.size()};
    msghdr packet{};
    ssize_t got = 0;
    for (;;) {
        packet = {};
        packet.msg_iov = &part;
        packet.msg_iovlen = 1;
        packet.msg_control = space.data();
        packet.msg_controllen = space.size();
        got = ::recvmsg(fd, &packet, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        if (got >= 0) break;
        // The other side is gone and had not read all; told once, before what it said last.
        if (errno == EINTR || errno == ECONNRESET) continue;
        if (errno != EAGAIN) break;
        if (!wait) return Receipt::nothing_yet;
        if (!wait_readable(fd)) return base::fail_errno("cannot wait on the control socket");
    }
    if (got < 0) return base::fail_errno("cannot receive on the control socket");
    std::vector<os::Fd> descriptors = take_descriptors(packet);
    if (got == 0) return Receipt::closed;
    if ((packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
        return base::fail("a packet on the control socket is larger than any of ours");

    PacketHeader header;
    const auto size = static_cast<std::size_t>(got);
    std::memcpy(&header, bytes.data(), std::min(sizeof header, size));
    if (auto checked = check_header(header, size, build); !checked)
        return std::move(checked).failure();
    message.kind = static_cast<Kind>(header.kind);
    message.slot = header.slot;
    message.generation = header.generation;
    message.pid = header.pid;
    message.value = header.value;
    message.text.assign(bytes.data() + sizeof header, header.text_size);
    message.descriptors = std::move(descriptors);
    return Receipt::message;
}

}  // namespace mew::control
