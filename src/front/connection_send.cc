// The outward half of front/connection.h: sending, waiting for a reader, and how a connection ends.
#include <sys/socket.h>

#include <cerrno>

#include "base/give_back.h"
#include "client/socket_end.h"
#include "front/connection.h"

namespace mew::front {

void Connection::send(std::string_view first, std::string_view second) {
    if (gone_ || lingering_) return;
    const std::uint64_t before = outbox_.sent();
    const auto progress = outbox_.send(socket_.get(), first, second);
    stats::add(context_.slot.tx_bytes, outbox_.sent() - before);
    if (progress == Outbox::Progress::broken) {
        stats::add(context_.slot.aborted);
        return close();
    }
    if (progress == Outbox::Progress::blocked && !processing_) await();
}

void Connection::resume_sending() {
    if (gone_) return;  // what had to be read first comes too late
    sends_on_ = false;
    const std::uint64_t before = outbox_.sent();
    const auto progress = outbox_.resume(socket_.get(), [this] { resume_sending(); });
    const std::uint64_t sent = outbox_.sent() - before;
    stats::add(context_.slot.tx_bytes, sent);
    if (progress == Outbox::Progress::broken) {
        stats::add(context_.slot.aborted);
        return close();
    }
    if (progress == Outbox::Progress::done) {
        send_pace_.restart();
        arm(client::Limit::none);
    } else if (sent != 0) {
        if (slow_reader()) {
            stats::add(context_.slot.slow_clients);
            return on_limit(client::Limit::send);
        }
        arm(client::Limit::send);
    }
    go_on();
}

void Connection::send_on() {
    sends_on_ = true;
    if (!processing_) await();
}

// Workers that were held back may go on.
void Connection::go_on() {
    if (gone_) return;
    Exchange* next = exchanges_.first();
    while (next != nullptr && !gone_) {
        Exchange& exchange = *next;
        next = exchanges_.after(exchange);
        exchange.resume();
    }
    if (!processing_ && !gone_) settle();
}

bool Connection::slow_reader() const {
    return send_pace_.too_slow(context_.loop.now(), outbox_.sent(),
                               context_.settings.client.min_rate,
                               context_.deadlines.duration(client::Limit::send));
}

bool Connection::may_be_lent() const {
    return codec_->may_detach() && outbox_.empty() && !input_ended_ && !closing_;
}

void Connection::lend() {
    lent_ = true;
    arm(client::Limit::none);
    set_interest(0);
}

void Connection::end_connection() {
    if (lent_) {
        // However long the app keeps its descriptor.
        ::shutdown(socket_.get(), SHUT_RDWR);
        return close();
    }
    if (reset_ && !on_unix_socket_) {
        client::end_by_reset(socket_.get());
        return close();
    }
    const bool well = client_ends_ && held_.empty() && !draining_ && !reset_;
    if (input_ended_ || (well && client::nothing_in_flight(socket_.get(), on_unix_socket_)))
        return close();
    start_lingering();
}

// RFC 9112 9.6: close the sending side, read for a short, bounded time, then close.
void Connection::start_lingering() {
    lingering_ = true;
    dropped_ = 0;
    base::give_back(held_);
    // A broken answer on a UNIX socket, which knows no reset, goes silent instead.
    if (!reset_) ::shutdown(socket_.get(), SHUT_WR);
    arm(reset_ ? client::Limit::none : client::Limit::linger);
    watch();
}

void Connection::drop_received() {
    const ssize_t size = ::recv(socket_.get(), context_.receive_buffer.data(), kReceiveBuffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return close();
    dropped_ += static_cast<std::uint64_t>(size);
    if (dropped_ > client::kDrainBound) close();
}

}  // namespace mew::front
