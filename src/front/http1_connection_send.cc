// The outward half of front/http1_connection.h: sending, waiting for a reader, and how a connection
// ends.
#include <sys/socket.h>

#include <cerrno>

#include "base/give_back.h"
#include "client/socket_end.h"
#include "front/http1_connection.h"

namespace mew::front {

void Http1Connection::flush() {
    if (!context_.out.empty()) put(context_.out, {});
    context_.out.clear();
}

void Http1Connection::send(std::string_view bytes) {
    put(context_.out, bytes);
    context_.out.clear();
}

void Http1Connection::put(std::string_view first, std::string_view second) {
    if (gone() || lingering_) return;
    const auto progress = wire_.send(first, second);
    if (progress == Wire::Progress::broken) {
        stats::add(context_.slot.aborted);
        return close();
    }
    if (progress == Wire::Progress::blocked && !processing_) await();
}

void Http1Connection::resume_sending() {
    if (gone()) return;  // what had to be read first comes too late
    sends_on_ = false;
    const std::uint64_t before = wire_.sent();
    const auto progress = wire_.resume([this] { resume_sending(); });
    const std::uint64_t sent = wire_.sent() - before;
    if (progress == Wire::Progress::broken) {
        stats::add(context_.slot.aborted);
        return close();
    }
    if (progress == Wire::Progress::done) {
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

void Http1Connection::send_on() {
    sends_on_ = true;
    if (!processing_) await();
}

// Workers that were held back may go on.
void Http1Connection::go_on() {
    if (gone()) return;
    Exchange* next = exchanges_.first();
    while (next != nullptr && !gone()) {
        Exchange& exchange = *next;
        next = exchanges_.after(exchange);
        exchange.resume();
    }
    if (!processing_ && !gone()) settle();
}

bool Http1Connection::slow_reader() const {
    return send_pace_.too_slow(context_.loop.now(), wire_.sent(), context_.settings.client.min_rate,
                               context_.deadlines.duration(client::Limit::send));
}

bool Http1Connection::may_be_lent() const {
    return codec_->may_detach() && (secure() || wire_.empty()) && !input_ended_ && !closing_;
}

void Http1Connection::lend() {
    lent_ = true;
    arm(client::Limit::none);
    (void)set_interest(0);
}

void Http1Connection::begin_relay(Relay& relay) {
    relayed_ = true;
    relay.take(held_);
    base::give_back(held_);
    arm(client::Limit::none);
    watch();
}

// The client's, for the worker; once that has ended it nobody's.
void Http1Connection::relay(std::string_view bytes) {
    if (exchanges_.empty()) return;
    exchanges_.front().relay()->take(bytes);
    if (gone()) return;
    // Its end may have come with its last bytes, and nothing behind it.
    if (wire_.tls()->state() == tls::State::closed) return on_end_of_input();
    watch();
}

// Wholly is how every connection ends whose exchange is over.
void Http1Connection::end_output(Exchange&, bool wholly) {
    if (wholly) return;
    output_ends_ = true;
    settle();
}

void Http1Connection::end_connection() {
    if (lent_) {
        // However long the app keeps its descriptor.
        ::shutdown(wire_.socket(), SHUT_RDWR);
        return close();
    }
    if (reset_ && !on_unix_socket_) {
        client::end_by_reset(wire_.socket());
        return close();
    }
    const bool well = client_ends_ && held_.empty() && !draining_ && !reset_;
    if (input_ended_ || (well && client::nothing_in_flight(wire_.socket(), on_unix_socket_))) {
        if (wire_.secure() && !reset_) wire_.end_output();
        return close();
    }
    start_lingering();
}

// RFC 9112 9.6: close the sending side, read for a short, bounded time, then close.
void Http1Connection::start_lingering() {
    lingering_ = true;
    dropped_ = 0;
    base::give_back(held_);
    // A broken answer on a UNIX socket, which knows no reset, goes silent instead.
    if (!reset_) wire_.end_output();
    arm(reset_ ? client::Limit::none : client::Limit::linger);
    watch();
}

void Http1Connection::drop_received() {
    std::string_view bytes;
    const auto got = wire_.receive(bytes);
    if (got == Wire::Got::nothing) return;
    if (got != Wire::Got::bytes) return close();
    dropped_ += bytes.size();
    if (dropped_ > client::kDrainBound) close();
}

}  // namespace mew::front
