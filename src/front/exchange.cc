// The request's half of front/exchange.h. The answer's is in exchange_answer.cc.
#include "front/exchange.h"

#include <algorithm>

#include "front/channel.h"
#include "front/connection.h"
#include "front/dispatch.h"
#include "log/log.h"

namespace mew::front {

Exchange::Exchange(Context& context, Connection& connection, http::StreamId id,
                   http::RequestHead& head)
    : context_(context),
      connection_(connection),
      head_(head),
      id_(id),
      has_body_(head.framing != http::BodyFraming::none) {
    const Settings& settings = context.settings;
    // Whoever awaits a word before it sends its body gets it from the app (http-rules 23).
    streamed_ =
        has_body_ && (head.expects_continue || (head.framing == http::BodyFraming::length &&
                                                head.content_length > settings.request_buffer));
    if (head.connects) relay_ = std::make_unique<Relay>(context, *this);
    if (!has_body_) return;
    const std::uint64_t memory =
        std::min<std::uint64_t>(settings.client.post_buffering, mailbox::kBodyRing);
    body_ =
        std::make_unique<Spill>(context.spill_folder, context.spill_totals,
                                Spill::Limits{static_cast<std::size_t>(memory) + 2 * kReceiveBuffer,
                                              settings.request_buffer + connection.comes_anyway()});
}

void Exchange::add_body(std::string_view piece) {
    if (relay_ && !over()) return relay_->take(piece);
    received_ += piece.size();
    uncredited_ += piece.size();
    if (over() || body_fault_ != 0) return;
    const auto kept = body_->append(piece);
    if (!kept) log::error("spill-failed", "{}", kept.error().text);
    if (!kept) return break_body(500);
    // Longer than is kept: it goes on to a worker as it comes.
    if (!*kept || received_ > context_.settings.request_buffer) streamed_ = true;
    if (!*kept) return break_body(413);
    feed();
}

void Exchange::end_body() {
    body_complete_ = true;
    if (relay_ && !over()) return relay_->end_input();
    feed();
}

void Exchange::break_body(int status) {
    body_fault_ = status;
    must_close_ = true;
    if (place_ == Place::posted) return feed();
    if (!over()) answer(status);
}

bool Exchange::ready() const {
    if (!has_body_ || body_complete_) return true;
    if (!streamed_) return false;
    const std::uint64_t awaited =
        std::min<std::uint64_t>(context_.settings.client.post_buffering, mailbox::kBodyRing);
    return head_.expects_continue || received_ >= awaited;
}

bool Exchange::body_blocked() const {
    return streamed_ && body_fault_ == 0 && !over() && body_->size() >= mailbox::kBodyRing;
}

bool Exchange::is_whole_in_memory() const {
    return body_complete_ && body_->front().size() == body_->size() &&
           body_->size() <= mailbox::kBodyRing;
}

bool Exchange::share_body() {
    if (shared_) return true;
    auto shared = body_->share();
    if (!shared) {
        log::error("spill-unshared", "{}", shared.error().text);
        return false;
    }
    // Whoever gets it may have changed it for the next one.
    if (!shared->read_only) retried_ = true;
    shared_ = *std::move(shared);
    return true;
}

mailbox::Request Exchange::request() {
    const http::Peer& peer = connection_.peer();
    mailbox::Request request{head_, peer.address, peer.port};
    request.connection = peer.tag;
    request.listener = peer.listener;
    request.may_lend = may_be_lent();
    if (!has_body_) return request;
    if (head_.framing == http::BodyFraming::length)
        request.body_size = head_.content_length;
    else if (body_complete_)
        request.body_size = received_;
    request.body = mailbox::BodyWay::ring;
    if (streamed_) return request;  // feed() brings it
    if (is_whole_in_memory()) {
        request.body_bytes = body_->front();
        request.body_complete = true;
    } else if (share_body()) {
        request.body = mailbox::BodyWay::file;
        request.file = shared_->fd.get();
        request.body_size = shared_->size;
    } else {
        streamed_ = true;
    }
    return request;
}

void Exchange::on_queued(base::MonotonicTime now) {
    place_ = Place::queued;
    channel_ = nullptr;
    if (queued_since_ == base::MonotonicTime{}) queued_since_ = now;
}

void Exchange::on_posted(Channel& channel, std::uint32_t slot) {
    place_ = Place::posted;
    channel_ = &channel;
    slot_ = slot;
    context_.deadlines.disarm(*this);
    if (streamed_) channel.side().want_room(slot, true);
}

bool Exchange::is_safe() const {
    const std::string_view method = head_.method();
    return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

bool Exchange::may_run_again() const {
    return context_.settings.retry == Retry::safe && is_safe() && !retried_ && !started_ &&
           !streamed_;
}

// Once a worker has taken it: what it has not would be lost with it.
void Exchange::feed() {
    if (!streamed_ || place_ != Place::posted || channel_ == nullptr || !body_) return;
    mailbox::PostingSide& side = channel_->side();
    if (!side.taken(slot_)) return;
    while (!body_->empty() && !body_loading_) {
        const std::size_t room = side.body_room(slot_);
        if (room == 0) break;
        if (body_->front().empty()) {
            const auto loaded = body_->load(context_.reader, [this](const base::Result<void>&) {
                body_loading_ = false;
                feed();
            });
            if (!loaded) return lose_body(loaded.error().text);
            body_loading_ = !*loaded;
            continue;
        }
        const std::string_view piece = body_->front().substr(0, room);
        side.write_body(slot_, piece);
        body_->consume(piece.size());
    }
    side.want_room(slot_, !body_->empty() && !body_loading_);
    if (body_->empty() && (body_complete_ || body_fault_ != 0))
        side.end_body(slot_, body_fault_ != 0 ? static_cast<std::uint32_t>(body_fault_)
                                              : mailbox::kBodyComplete);
    if (!body_blocked()) connection_.on_body_room(*this);
}

// What was kept of it cannot be read again.
void Exchange::lose_body(std::string_view why) {
    log::error("body-lost", "the body of {} {} was lost: {}", head_.method(), head_.target(), why);
    body_fault_ = 500;
    must_close_ = true;
    body_.reset();
    channel_->side().want_room(slot_, false);
    channel_->side().end_body(slot_, static_cast<std::uint32_t>(body_fault_));
    connection_.on_body_room(*this);
}

void Exchange::on_limit(client::Limit limit) { connection_.on_exchange_limit(*this, limit); }

}  // namespace mew::front
