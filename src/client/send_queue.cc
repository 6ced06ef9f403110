#include "client/send_queue.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "base/give_back.h"

namespace mew::client {

namespace {
constexpr std::size_t kSendfilePiece = 1U << 20;  // keeps one large file from holding the loop

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }
}  // namespace

SendQueue::Progress SendQueue::send(int socket, std::string_view bytes) {
    if (!empty()) {
        bytes_.append(bytes);
        return resume(socket);
    }
    ssize_t sent = 0;
    do {
        sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && !would_block(errno)) return Progress::broken;
    const auto size = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    sent_ += size;
    if (size == bytes.size()) return Progress::done;
    bytes_.assign(bytes.substr(size));
    at_ = 0;
    return Progress::blocked;
}

SendQueue::Progress SendQueue::send(int socket, std::string_view first, std::string_view second) {
    if (!empty() || first.empty() || second.empty()) {
        if (!first.empty()) {
            const Progress progress = send(socket, first);
            if (progress == Progress::broken || second.empty()) return progress;
        }
        return send(socket, second);
    }
    iovec pieces[2] = {{const_cast<char*>(first.data()), first.size()},
                       {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = pieces;
    message.msg_iovlen = 2;
    ssize_t sent = 0;
    do {
        sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && !would_block(errno)) return Progress::broken;
    auto size = static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    sent_ += size;
    if (size == first.size() + second.size()) return Progress::done;
    bytes_.clear();
    at_ = 0;
    if (size < first.size()) bytes_.append(first.substr(size));
    size -= std::min(size, first.size());
    bytes_.append(second.substr(size));
    return Progress::blocked;
}

base::Result<void> SendQueue::add_file(int fd, std::uint64_t offset, std::uint64_t size) {
    file_.reset(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!file_) return base::fail_errno("cannot keep the file that is being sent");
    file_offset_ = offset;
    file_left_ = size;
    return {};
}

SendQueue::Progress SendQueue::resume(int socket) {
    const Progress progress = send_bytes(socket);
    if (progress != Progress::done || file_left_ == 0) return progress;
    return send_file(socket);
}

SendQueue::Progress SendQueue::send_bytes(int socket) {
    while (at_ < bytes_.size()) {
        const ssize_t sent = ::send(socket, bytes_.data() + at_, bytes_.size() - at_, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            return would_block(errno) ? Progress::blocked : Progress::broken;
        }
        at_ += static_cast<std::size_t>(sent);
        sent_ += static_cast<std::uint64_t>(sent);
    }
    // Given back, so that a connection that once sent much does not keep the memory.
    base::give_back(bytes_);
    at_ = 0;
    return Progress::done;
}

SendQueue::Progress SendQueue::send_file(int socket) {
    while (file_left_ > 0) {
        auto offset = static_cast<off_t>(file_offset_);
        const auto size =
            static_cast<std::size_t>(std::min<std::uint64_t>(file_left_, kSendfilePiece));
        const ssize_t sent = ::sendfile(socket, file_.get(), &offset, size);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return would_block(errno) ? Progress::blocked : Progress::broken;
        if (sent == 0) return Progress::broken;  // the file is shorter than it was
        file_offset_ += static_cast<std::uint64_t>(sent);
        file_left_ -= static_cast<std::uint64_t>(sent);
        sent_ += static_cast<std::uint64_t>(sent);
    }
    file_.reset();
    return Progress::done;
}

void SendQueue::clear() {
    base::give_back(bytes_);
    at_ = 0;
    file_.reset();
    file_left_ = 0;
}

}  // namespace mew::client
