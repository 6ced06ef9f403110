#include "worker/handover.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <memory>
#include <type_traits>
#include <vector>

#include "client/codecs.h"
#include "control/layouts.h"
#include "log/log.h"
#include "worker/connection.h"

namespace mew::worker {

namespace {

struct Header {
    std::uint32_t magic;
    std::uint32_t listener;
    std::uint32_t head_time;  // ms left for the head in progress; 0: none is
    // Old and new workers share the pair while an upgrade changes over.
    std::uint32_t version = control::kHandoverVersion;
    // 1: whoever the client is, `peer` says it; a PROXY header is none of the socket's business.
    // 0: nothing was read of the connection.
    std::uint32_t begun = 0;
    PeerText peer;
};
static_assert(std::is_trivially_copyable_v<Header>);
constexpr std::uint32_t kMagic = 0x4d48414f;  // "MHAO"
constexpr std::uint32_t kKick = 0x4d48414b;   // "MHAK"
constexpr base::Milliseconds kKickAgain{5};
constexpr std::size_t kLargest = sizeof(Header) + 131072;

union Ancillary {
    cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
};

using Pieces = std::array<std::string_view, 3>;

// `socket` below zero: none goes along.
bool send_packet(int pair_fd, const Header& header, const Pieces& unread, int socket) {
    std::array<iovec, 4> pieces{{{const_cast<Header*>(&header), sizeof header}}};
    for (std::size_t i = 0; i < unread.size(); ++i)
        pieces[i + 1] = {const_cast<char*>(unread[i].data()), unread[i].size()};
    Ancillary ancillary{};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    if (socket >= 0) {
        message.msg_control = ancillary.space;
        message.msg_controllen = sizeof ancillary.space;
        cmsghdr* control = CMSG_FIRSTHDR(&message);
        control->cmsg_level = SOL_SOCKET;
        control->cmsg_type = SCM_RIGHTS;
        control->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(control), &socket, sizeof socket);
    }
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

bool hand_over(Context& context, Connection& connection) {
    Header header{kMagic, connection.listener(),
                  static_cast<std::uint32_t>(connection.head_time_left().count())};
    header.begun = connection.proxy_header_due() ? 0 : 1;
    header.peer = connection.peer();
    if (!send_packet(context.handover_fd, header, connection.unread(), connection.socket()))
        return false;
    stats::add(context.slot.handed_on);
    connection.close();  // our copy of the descriptor; the connection itself lives on
    return true;
}

bool hand_over(Context& context, int socket, std::uint32_t listener) {
    if (!send_packet(context.handover_fd, {kMagic, listener, 0}, {}, socket)) return false;
    stats::add(context.slot.handed_on);
    return true;
}

void kick_later(Context& context) {
    if (!context.has_takers()) return;
    if (send_packet(context.handover_fd, {kKick, 0, 0}, {}, -1)) return;
    context.loop.start_timer(kKickAgain, [&context] { kick_later(context); });
}

base::Result<void> HandoverTaker::start() {
    if (watching_ || fd_ < 0) return {};
    // Everybody is woken: a wake-up for one alone would be lost if that one is busy by then.
    auto added = context_.loop.add(fd_, EPOLLIN, *this);
    watching_ = added.has_value();
    return added;
}

void HandoverTaker::stop() {
    if (watching_) context_.loop.remove(fd_, *this);
    watching_ = false;
}

void HandoverTaker::on_event(std::uint32_t) {
    if (context_.busy()) return stop();  // let others; the worker starts it again
    Header header{};
    std::vector<char>& bytes = context_.handover_buffer;
    bytes.resize(kLargest);
    iovec pieces[2] = {{&header, sizeof header}, {bytes.data(), bytes.size()}};
    Ancillary ancillary{};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    message.msg_control = ancillary.space;
    message.msg_controllen = sizeof ancillary.space;
    const ssize_t size = ::recvmsg(fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < static_cast<ssize_t>(sizeof header)) return;
    if (header.magic == kKick) return look_at_listeners_();
    os::Fd socket = descriptor_of(message);
    if (!socket || header.magic != kMagic || header.version != control::kHandoverVersion ||
        header.listener >= context_.settings.listeners.size() || !header.peer.valid()) {
        return log::error("handover-bad", "dropped a connection that was handed over damaged");
    }
    sockaddr_storage from{};
    socklen_t from_size = sizeof from;
    if (::getpeername(socket.get(), reinterpret_cast<sockaddr*>(&from), &from_size) != 0) return;
    stats::add(context_.slot.taken);
    auto* connection = new Connection(context_, std::move(socket), PeerText(from), header.listener,
                                      client::make_codec(context_.settings, header.listener));
    if (header.begun == 0) {
        connection->expect_proxy_header();
    } else {
        connection->set_peer(header.peer);
    }
    connection->open({bytes.data(), static_cast<std::size_t>(size) - sizeof header},
                     base::Milliseconds{header.head_time});
}

}  // namespace mew::worker
