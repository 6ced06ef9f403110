#include "worker/websocket.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "base/give_back.h"
#include "client/input.h"

namespace mew::worker {

namespace {
namespace code = websocket::close_code;

// For an app that answers a message, before the end that came right behind it is told: the next
// turn of the loop.
constexpr base::Milliseconds kTimeToAnswer{1};
}  // namespace

WebSocket::WebSocket(Context& context, os::Fd socket, const websocket::Settings& settings,
                     WebSocketUser& user)
    : context_(context), socket_(std::move(socket)), codec_(settings), user_(&user) {
    context_.websockets.push_back(*this);
    ++context_.taken_over;
}

WebSocket::~WebSocket() { --context_.taken_over; }

void WebSocket::open(std::string_view head, std::string_view unread) {
    flush(head);
    if (state_ == State::gone) return;
    if (!unread.empty()) {
        std::string bytes(unread);
        take(bytes.data(), bytes.size());
    }
    settle();
}

// --- inward

void WebSocket::on_event(std::uint32_t events) {
    if ((events & EPOLLOUT) != 0) send_more();
    if (state_ != State::gone && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive();
}

void WebSocket::receive() {
    char* const buffer = context_.receive_buffer();
    const ssize_t size = client::receive(socket_.get(), buffer, kReceiveBuffer);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) {
        if (codec_.holds_end()) tell_held_end();
        return lose(code::kAbnormal, "");
    }
    if (state_ == State::lingering) return;  // both closed: what comes is dropped
    stats::add(context_.slot.rx_bytes, static_cast<std::uint64_t>(size));
    take(buffer, static_cast<std::size_t>(size));
    settle();
}

void WebSocket::take(char* bytes, std::size_t size) {
    awaits_pong_ = false;  // whatever comes shows that it is there
    if (codec_.holds_end()) return;
    if (!held_.empty()) {
        held_.append(bytes, size);
        return;
    }
    const std::size_t done = decode(bytes, size);
    if (done < size) held_.assign(bytes + done, size - done);
}

std::size_t WebSocket::decode(char* bytes, std::size_t size) {
    std::string out;
    std::size_t done = 0;
    decoding_ = true;
    if (user_ != nullptr && user_->has_pending()) codec_.hold_end();
    while (done < size && !paused_ && !codec_.holds_end()) {
        done += codec_.decode(bytes + done, size - done, *this, out);
    }
    decoding_ = false;
    if (!out.empty()) flush(out);
    if (!codec_.holds_end()) return done;
    await_user();
    return size;  // what comes behind an end does not count
}

// An end came right behind messages; the user may answer them until the loop's next turn.
void WebSocket::await_user() {
    if (end_timer_ != 0 || state_ == State::gone) return;
    end_timer_ = context_.loop.start_timer(kTimeToAnswer, [this] {
        end_timer_ = 0;
        if (user_ == nullptr || !user_->has_pending()) tell_held_end();
    });
    context_.ask_for_turn();
}

void WebSocket::tell_held_end() {
    std::string out;
    codec_.decode(nullptr, 0, *this, out);
    flush(out);
    settle();
}

void WebSocket::on_message(websocket::Kind kind, std::string_view message) {
    if (user_ != nullptr) user_->on_message(kind, message);
    if (paused_) codec_.pause();
    codec_.hold_end();
}

void WebSocket::on_close(std::uint16_t code, std::string_view reason) { tell_end(code, reason); }

void WebSocket::on_failure(const websocket::Failure& failure) {
    tell_end(failure.code, failure.reason);
}

void WebSocket::tell_end(std::uint16_t code, std::string_view reason) {
    if (std::exchange(told_end_, true) || user_ == nullptr) return;
    user_->on_closed(code, reason);
}

void WebSocket::pause() {
    paused_ = true;
    if (!decoding_) watch();
}

void WebSocket::resume() {
    const bool was_paused = std::exchange(paused_, false);
    if (state_ == State::gone || decoding_) return;
    if (codec_.holds_end()) {
        await_user();
    } else if (!held_.empty()) {
        codec_.hold_end();  // the user has only just taken its last message
        held_at_ += decode(held_.data() + held_at_, held_.size() - held_at_);
        if (held_at_ == held_.size()) {
            base::give_back(held_);
            held_at_ = 0;
        }
    } else if (!was_paused) {
        return;
    }
    settle();
}

// --- outward

void WebSocket::send(websocket::Kind kind, std::string_view message) {
    if (state_ != State::open) return;
    std::string out;
    codec_.encode_message(kind, message, out);
    stats::add(context_.slot.tx_bytes, out.size());
    flush(out);
    if (!queue_.empty()) settle();
}

void WebSocket::close(std::uint16_t code, std::string_view reason) {
    if (state_ != State::open) return;
    std::string out;
    codec_.encode_close(code, reason, out);
    flush(out);
    settle();
}

void WebSocket::flush(std::string_view bytes) {
    if (state_ == State::gone) return;
    if (queue_.send(socket_.get(), bytes) == SendQueue::Progress::broken) lose(code::kAbnormal, "");
}

void WebSocket::send_more() {
    const std::uint64_t before = queue_.sent();
    if (queue_.resume(socket_.get()) == SendQueue::Progress::broken)
        return lose(code::kAbnormal, "");
    if (queue_.sent() != before && limit() == Limit::send) context_.deadlines.disarm(*this);
    settle();
    if (wants_room_ && queue_.size() <= kLittleUnsent) {
        wants_room_ = false;
        if (user_ != nullptr) user_->on_room();
    }
}

bool WebSocket::congested() {
    wants_room_ = state_ == State::open && queue_.size() > kMuchUnsent;
    return wants_room_;
}

// --- where it stands

void WebSocket::settle() {
    if (state_ == State::gone) return;
    using Codec = websocket::Codec::State;
    if (state_ == State::open && codec_.state() != Codec::open) {
        state_ = State::closing;
        context_.deadlines.disarm(*this);
    }
    if (state_ == State::closing && codec_.state() == Codec::closed && queue_.empty()) {
        // The server ends TCP first (RFC 6455 7.1.1), and reads on so that its close frame arrives.
        state_ = State::lingering;
        base::give_back(held_);
        held_at_ = 0;
        paused_ = false;
        context_.deadlines.disarm(*this);
        ::shutdown(socket_.get(), SHUT_WR);
    }
    watch();
    arm();
}

void WebSocket::watch() {
    if (state_ == State::gone) return;
    std::uint32_t events = 0;
    if (!paused_ && held_.size() < kReceiveBuffer) events |= EPOLLIN;
    if (!queue_.empty()) events |= EPOLLOUT;
    if (events == interest_) return;
    const bool known = interest_ != 0;
    interest_ = events;
    if (events == 0) return context_.loop.remove(socket_.get(), *this);
    const auto done = known ? context_.loop.modify(socket_.get(), events, *this)
                            : context_.loop.add(socket_.get(), events, *this);
    if (!done) lose(code::kAbnormal, "");
}

void WebSocket::arm() {
    if (state_ == State::gone) return;
    Limit wanted = awaits_pong_ ? Limit::pong : Limit::ping;
    if (state_ == State::closing) wanted = Limit::closing;
    if (state_ == State::lingering) wanted = Limit::linger;
    if (!queue_.empty()) wanted = Limit::send;
    // A ping is due so long after the last one was answered, not after the last byte: to arm it
    // anew with each message would be work for nothing.
    if (limit() == wanted) return;
    context_.deadlines.arm(*this, wanted);
    context_.ask_for_turn();  // which asks when the next limit is due
}

void WebSocket::on_limit(Limit limit) {
    switch (limit) {
        case Limit::ping: {
            std::string out;
            codec_.encode_ping({}, out);
            awaits_pong_ = true;
            flush(out);
            return settle();
        }
        case Limit::pong:
            if (!awaits_pong_) return settle();
            return lose(code::kAbnormal, "no answer to a ping");
        case Limit::closing:
            return lose(code::kAbnormal, "no answer to the close frame");
        case Limit::send:
            stats::add(context_.slot.timeouts);
            stats::add(context_.slot.send_timeouts);
            return lose(code::kAbnormal, "it read nothing within http-send-timeout");
        default:
            return end();
    }
}

void WebSocket::lose(std::uint16_t code, std::string_view reason) {
    tell_end(code, reason);
    end();
}

void WebSocket::end() {
    if (state_ == State::gone) return;
    state_ = State::gone;
    user_ = nullptr;
    if (end_timer_ != 0) context_.loop.cancel_timer(end_timer_);
    context_.deadlines.disarm(*this);
    if (interest_ != 0) context_.loop.remove(socket_.get(), *this);
    interest_ = 0;
    socket_.reset();
    base::ListNode<WebSocketTag>::unlink();
    context_.loop.defer_delete(std::unique_ptr<WebSocket>(this));
}

}  // namespace mew::worker
