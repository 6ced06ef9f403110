// The part of worker/routed_exchange.h for an exchange that goes on after the app's first turn, and
// how records are written where nothing may wait.

#include <utility>

#include "worker/routed_exchange.h"

namespace mew::worker {

namespace {

using mailbox::RecordKind;
using mailbox::Taken;

bool is_last(RecordKind kind) { return kind == RecordKind::end || kind == RecordKind::fail; }

}  // namespace

// False: nobody is interested any more.
bool RoutedExchange::put(RecordKind kind, std::string_view payload) {
    if (core_->waits) return taken_->write(kind, payload, {}, frame());
    if (taken_->cancelled() && !is_last(kind)) return false;
    kept_bytes_ += payload.size();
    if (kept_.empty() && taken_->has_room(Taken::room_for(payload.size()))) {
        kept_bytes_ -= payload.size();
        return is_last(kind) ? taken_->finish(kind, payload, {})
                             : taken_->write(kind, payload, {}, {});
    }
    kept_.push_back({kind, std::string(payload)});
    if (goes_on_ && !taken_->await_news(wants_body_, room_for_kept())) tell_later();
    return true;
}

std::uint64_t RoutedExchange::room_for_kept() const {
    return kept_.empty() ? 0 : Taken::room_for(kept_.front().payload.size());
}

// What came just when the mailbox was asked to tell of it, it will not tell.
void RoutedExchange::tell_later() {
    context_.news.push_back(*this);
    context_.ask_for_turn();
}

// Once nobody is interested, only the last record is.
bool RoutedExchange::write_kept() {
    const bool gone = taken_->cancelled();
    while (!kept_.empty()) {
        Kept& first = kept_.front();
        if (!gone || is_last(first.kind)) {
            if (!taken_->has_room(Taken::room_for(first.payload.size()))) return false;
            if (is_last(first.kind))
                (void)taken_->finish(first.kind, first.payload, {});
            else
                (void)taken_->write(first.kind, first.payload, {}, {});
        }
        kept_bytes_ -= first.payload.size();
        kept_.pop_front();
    }
    return true;
}

bool RoutedExchange::congested() {
    wants_room_ = !client_gone_ && kept_bytes_ > kMuchUnsent;
    return wants_room_;
}

bool RoutedExchange::ready() {
    if (client_gone_ || taken_->frame().body == mailbox::BodyWay::file) return true;
    if (lent_ != 0 && !body_was_) taken_->release(std::exchange(lent_, 0));
    if (body_was_ || !taken_->body().empty() || taken_->body_end() != mailbox::kBodyOpen)
        return true;
    go_on();
    wants_body_ = true;
    if (taken_->await_news(true, room_for_kept())) {
        // What was released is room that the front may wait for.
        context_.ask_for_turn();
        return false;
    }
    // It may be room alone that came.
    tell_later();
    wants_body_ =
        !taken_->cancelled() && taken_->body().empty() && taken_->body_end() == mailbox::kBodyOpen;
    return !wants_body_;
}

bool RoutedExchange::begin_detach() {
    if (core_->waits || client_gone_ || !may_detach()) return true;
    if (!taken_->ask_for_connection(mailbox::Lend::for_good, {})) return true;
    awaits_connection_ = true;
    return false;
}

// True: it came, or never will.
bool RoutedExchange::look_for_connection() {
    const auto lent = taken_->take_connection(connection_, unread_);
    awaits_connection_ = lent == Taken::Lent::not_yet;
    return !awaits_connection_;
}

bool RoutedExchange::at_end() {
    const mailbox::RequestFrame& frame = taken_->frame();
    if (frame.body == mailbox::BodyWay::file) return file_read_ >= frame.body_size;
    if (body_was_) return *body_was_ == mailbox::kBodyComplete;
    // The end before the bytes: what was written before it is then seen.
    return taken_->body_end() == mailbox::kBodyComplete && taken_->body().size() == lent_;
}

void RoutedExchange::lose_client() {
    if (client_gone_) return;
    client_gone_ = true;
    wants_body_ = wants_room_ = false;
    if (exchange_ && exchange_->events != nullptr) exchange_->events->on_gone();
}

void RoutedExchange::on_news() {
    for (;;) {
        const bool empty = write_kept();
        if (closing_) {
            if (empty) return end_later(context_, *this);
        } else if (awaits_connection_ && look_for_connection()) {
            if (exchange_->events != nullptr) exchange_->events->on_room();
        } else if (taken_->cancelled()) {
            lose_client();
        } else {
            if (wants_room_ && kept_bytes_ <= kLittleUnsent) {
                wants_room_ = false;
                if (exchange_->events != nullptr) exchange_->events->on_room();
            }
            if (wants_body_ &&
                (!taken_->body().empty() || taken_->body_end() != mailbox::kBodyOpen)) {
                wants_body_ = false;
                if (exchange_->events != nullptr) exchange_->events->on_body();
            }
        }
        // Once the client is known to be gone, only room for the last record can be news.
        if (client_gone_ && kept_.empty()) return;
        const std::uint64_t room = room_for_kept();
        const bool only_room = client_gone_ || closing_;
        if (only_room ? taken_->await_room(room) : taken_->await_news(wants_body_, room)) return;
    }
}

bool RoutedExchange::close() {
    if (!closing_) complete();
    closing_ = !write_kept();
    if (closing_) on_news();
    return !closing_;
}

}  // namespace mew::worker
