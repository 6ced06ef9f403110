// How an app takes over its client's connection: the part of front/exchange.h that WebSockets need.
#include "base/give_back.h"
#include "front/accept_head.h"
#include "front/channel.h"
#include "front/connection.h"
#include "front/exchange.h"
#include "log/log.h"

namespace mew::front {

namespace {
constexpr std::uint32_t kCannotLend = 409;
}

// May the app have it, now that nothing was answered?
bool Exchange::may_be_lent() const {
    return head_.connects || (!has_body_ && connection_.codec().may_detach());
}

// The app speaks with the client itself until the exchange ends, and then the connection does too;
// or the connection is the worker's for good.
void Exchange::lend(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece) {
    mailbox::LendPart part{};
    if (piece.size != sizeof part) return give_up_answer("it takes its connection in an odd way");
    side.copy(slot_, piece, reinterpret_cast<char*>(&part));
    const bool may = !started_ && may_be_lent() && (head_.connects || connection_.may_be_lent());
    if (!may || !(needs_relay() ? hand_relay_over() : hand_connection_over()))
        return channel_->side().end_body(slot_, kCannotLend);
    channel_->side().end_body(slot_, mailbox::kBodyComplete);
    lent_ = must_close_ = retried_ = true;
    started_ = !head_.connects;  // its answer is still to come, by the relay
    if (part.how != mailbox::Lend::for_good) return;
    channel_->let_go(slot_);
    on_unposted();
    place_ = Place::lent;
    if (relay_) return;
    // Nothing of it is left here.
    place_ = Place::over;
    connection_.close();
}

// What the worker reads and writes must be as of HTTP/1.1, and its own.
bool Exchange::needs_relay() const { return head_.connects || connection_.secure(); }

// False: it cannot be had now.
bool Exchange::hand_connection_over() {
    mailbox::PostingSide& side = channel_->side();
    const std::string_view behind = connection_.behind();
    if (behind.size() > side.body_room(slot_)) return false;
    // Whoever gets the socket finds there what lay behind.
    side.write_body(slot_, behind);
    if (!side.lend(slot_, connection_.socket())) return false;
    connection_.lend();
    return true;
}

bool Exchange::hand_relay_over() {
    if (!relay_) relay_ = std::make_unique<Relay>(context_, *this);
    const auto worker = relay_->open();
    if (!worker) {
        log::error("relay-failed", "{}", worker.error().text);
        return false;
    }
    if (!channel_->side().lend(slot_, worker->get())) {
        relay_->close();
        return false;
    }
    connection_.begin_relay(*relay_);
    return true;
}

// By the record `end`, or without one: what the app has sent still goes.
void Exchange::end_lent() {
    if (relay_) return relay_->hang_up();
    end();
}

std::size_t Exchange::relay_room() const {
    if (connection_.pushes()) return connection_.all_sent() ? kReceiveBuffer : 0;
    if (!started_) return kMostAcceptHead;
    return backlog_ && !backlog_->empty() ? 0 : connection_.room_now(*this);
}

void Exchange::on_worker_bytes(std::string_view bytes) {
    if (over()) return;
    if (connection_.pushes()) return connection_.send(bytes);
    if (!started_) return take_accept_head(bytes);
    put(bytes);
    flush();
}

// What the worker says as if to a client of HTTP/1.1 becomes the answer to the CONNECT (RFC 8441
// 5); what stands behind it is the first of what it sends.
void Exchange::take_accept_head(std::string_view bytes) {
    std::string& text = relay_->gathered();
    text.append(bytes);
    const std::size_t size = accept_head_size(text);
    if (size == 0) {
        if (text.size() >= kMostAcceptHead) give_up_answer("its head does not end");
        return;
    }
    if (const auto read = read_accept_head({text.data(), size}, context_.head); !read)
        return give_up_answer(read.error().text);
    start();
    if (text.size() != size) put(std::string_view(text).substr(size));
    base::give_back(text);
    flush();
}

void Exchange::on_worker_end(bool wholly) {
    if (over()) return;
    if (!started_) return give_up_answer("it took the connection and did not accept it");
    connection_.end_output(*this, wholly);
    if (wholly) end();
}

void Exchange::on_relay_room() { connection_.on_body_room(*this); }

}  // namespace mew::front
