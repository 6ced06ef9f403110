#include "front/outbox.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>

#include "log/log.h"
#include "mailbox/layout.h"

namespace mew::front {

namespace {

// What one look at a worker's answer may bring, with its framing.
constexpr std::uint64_t kOneLook = 4 * std::uint64_t{mailbox::kReplyRing};

// Bytes that the socket took; -1: it is broken.
ssize_t send_two(int socket, std::string_view first, std::string_view second) {
    iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},     // NOLINT: only read
                      {const_cast<char*>(second.data()), second.size()}};  // NOLINT: only read
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = second.empty() ? 1 : 2;
    ssize_t sent = 0;
    do {
        sent = second.empty() ? ::send(socket, first.data(), first.size(), MSG_NOSIGNAL)
                              : ::sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
    return sent;
}

}  // namespace

bool Outbox::has_room(bool stream) const {
    if (!rest_) return true;
    const std::uint64_t memory = context_.settings.client.response_buffer;
    const std::uint64_t most = stream ? memory : memory + context_.settings.response_buffer_max;
    return rest_->size() + kOneLook <= std::max(most, 2 * kOneLook);
}

bool Outbox::keep(std::string_view bytes) {
    if (bytes.empty()) return true;
    if (!rest_) {
        const std::size_t memory = context_.settings.client.response_buffer;
        // A single look may always be kept: what was looked at is gone from the ring.
        rest_ = std::make_unique<Spill>(context_.spill_folder, context_.spill_totals,
                                        Spill::Limits{std::max<std::size_t>(memory, 2 * kOneLook),
                                                      context_.settings.response_buffer_max});
    }
    const auto kept = rest_->append(bytes);
    if (!kept) log::error("spill-failed", "{}", kept.error().text);
    return kept && *kept;
}

Outbox::Progress Outbox::send(int socket, std::string_view first, std::string_view second) {
    if (empty()) {
        const ssize_t sent = send_two(socket, first, second);
        if (sent < 0) return Progress::broken;
        auto size = static_cast<std::size_t>(sent);
        sent_ += size;
        const std::size_t of_first = std::min(size, first.size());
        first.remove_prefix(of_first);
        second.remove_prefix(size - of_first);
        if (first.empty() && second.empty()) return Progress::done;
    }
    return keep(first) && keep(second) ? Progress::blocked : Progress::broken;
}

Outbox::Progress Outbox::resume(int socket, const std::function<void()>& ready) {
    const std::uint64_t before = sent_;
    while (!empty()) {
        // The others' turn: the socket has room, and says so again.
        if (loading_ || sent_ - before >= kMostSent) return Progress::blocked;
        if (rest_->front().empty()) {
            const auto loaded =
                rest_->load(context_.reader, [this, ready](const base::Result<void>&) {
                    loading_ = false;
                    ready();
                });
            if (!loaded) {
                log::error("spill-lost", "{}", loaded.error().text);
                return Progress::broken;
            }
            if (!*loaded) {
                loading_ = true;
                return Progress::blocked;
            }
        }
        const ssize_t sent = send_two(socket, rest_->front(), {});
        if (sent < 0) return Progress::broken;
        if (sent == 0) return Progress::blocked;
        sent_ += static_cast<std::uint64_t>(sent);
        rest_->consume(static_cast<std::size_t>(sent));
    }
    rest_.reset();
    return Progress::done;
}

}  // namespace mew::front
