#include "worker/handover.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <memory>
#include <vector>

#include "log/log.h"
#include "worker/codecs.h"
#include "worker/connection.h"

namespace mew::worker {

namespace {

struct Header {
    std::uint32_t magic;
    std::uint32_t listener;
};
constexpr std::uint32_t kMagic = 0x4d48414e;  // "MHAN"
constexpr std::size_t kLargest = sizeof(Header) + 2 * kReceiveBuffer + 32768;

union Ancillary {
    cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

bool send_packet(int pair_fd, const Header& header, std::string_view unread, int socket) {
    iovec pieces[2] = {{const_cast<Header*>(&header), sizeof header},
                       {const_cast<char*>(unread.data()), unread.size()}};
    Ancillary ancillary{};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    message.msg_control = ancillary.space;
    message.msg_controllen = sizeof ancillary.space;
    cmsghdr* control = CMSG_FIRSTHDR(&message);
    control->cmsg_level = SOL_SOCKET;
    control->cmsg_type = SCM_RIGHTS;
    control->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(control), &socket, sizeof socket);
    return ::sendmsg(pair_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

os::Fd descriptor_of(msghdr& message) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
        return os::Fd(fd);
    }
    return os::Fd();
}

}  // namespace

bool hand_over(int pair_fd, Connection& connection) {
    const Header header{kMagic, connection.listener()};
    if (!send_packet(pair_fd, header, connection.unread(), connection.socket())) return false;
    connection.close();  // our copy of the descriptor; the connection itself lives on
    return true;
}

base::Result<void> HandoverTaker::start() {
    if (watching_ || fd_ < 0) return {};
    auto added = context_.loop.add(fd_, EPOLLIN | EPOLLEXCLUSIVE, *this);
    watching_ = added.has_value();
    return added;
}

void HandoverTaker::stop() {
    if (watching_) context_.loop.remove(fd_, *this);
    watching_ = false;
}

void HandoverTaker::on_event(std::uint32_t) {
    static std::vector<char> bytes(kLargest);
    Header header{};
    iovec pieces[2] = {{&header, sizeof header}, {bytes.data(), bytes.size()}};
    Ancillary ancillary{};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    message.msg_control = ancillary.space;
    message.msg_controllen = sizeof ancillary.space;
    const ssize_t size = ::recvmsg(fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < static_cast<ssize_t>(sizeof header)) return;
    os::Fd socket = descriptor_of(message);
    if (!socket || header.magic != kMagic ||
        header.listener >= context_.settings.listeners.size()) {
        return log::error("handover-bad", "dropped a connection that was handed over damaged");
    }
    sockaddr_storage from{};
    socklen_t from_size = sizeof from;
    if (::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&from), &from_size) != 0) return;
    auto* connection = new Connection(context_, std::move(socket), PeerText(from), header.listener,
                                      make_codec(context_.settings, header.listener));
    connection->open({bytes.data(), static_cast<std::size_t>(size) - sizeof header});
}

}  // namespace mew::worker
