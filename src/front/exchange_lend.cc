// How an app takes over its client's connection: the part of front/exchange.h that WebSockets need.
#include <algorithm>

#include "front/channel.h"
#include "front/connection.h"
#include "front/exchange.h"
#include "log/log.h"

namespace mew::front {

namespace {
constexpr std::uint32_t kCannotLend = 409;
}

// The app speaks with the client itself until the exchange ends, and then the connection does too;
// or the connection is the worker's for good.
void Exchange::lend(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece) {
    mailbox::LendPart part{};
    if (piece.size != sizeof part) return give_up_answer("it takes its connection in an odd way");
    side.copy(slot_, piece, reinterpret_cast<char*>(&part));
    const bool may = !started_ && !has_body_ && !lent_ && connection_.may_be_lent();
    if (!may || !(needs_relay() ? hand_relay_over() : hand_connection_over()))
        return channel_->side().end_body(slot_, kCannotLend);
    channel_->side().end_body(slot_, mailbox::kBodyComplete);
    started_ = lent_ = must_close_ = true;
    if (part.how != mailbox::Lend::for_good) return;
    channel_->let_go(slot_);
    on_unposted();
    place_ = Place::lent;
    if (relay_) return;
    // Nothing of it is left here.
    place_ = Place::over;
    connection_.close();
}

// What the worker reads and writes must be as the client's app does, and its own.
bool Exchange::needs_relay() const { return connection_.secure(); }

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
    auto relay = std::make_unique<Relay>(context_, *this);
    const auto worker = relay->open();
    if (!worker) log::error("relay-failed", "{}", worker.error().text);
    if (!worker || !channel_->side().lend(slot_, worker->get())) return false;
    relay_ = std::move(relay);
    connection_.begin_relay(*relay_);
    return true;
}

// By the record `end`, or without one: what the app has sent still goes.
void Exchange::end_lent() {
    if (relay_) return relay_->hang_up();
    end();
}

std::size_t Exchange::relay_room() const { return connection_.all_sent() ? kReceiveBuffer : 0; }

void Exchange::on_worker_bytes(std::string_view bytes) {
    if (!over()) connection_.send(bytes);
}

void Exchange::on_worker_end(bool wholly) {
    if (over()) return;
    if (wholly) return end();
    connection_.end_output(*this);
}

void Exchange::on_relay_room() { connection_.on_body_room(*this); }

}  // namespace mew::front
