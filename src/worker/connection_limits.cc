// Refusals and time limits of worker/connection.h. Each limit has an option, a line in the log that
// names it, and a counter on the board.

#include <poll.h>

#include <algorithm>

#include "http/status.h"
#include "log/log.h"
#include "worker/connection.h"

namespace mew::worker {

namespace {

constexpr const char* kSlowBody =
    "the client sent its body more slowly than http-min-rate allows, beyond http-body-timeout";
constexpr const char* kLongBody = "the request body took longer than http-body-total-timeout";
constexpr const char* kSilentBody = "no byte of the body came within http-body-timeout";

bool names_a_size(int status) { return status == 413 || status == 414 || status == 431; }

}  // namespace

void Connection::give_up_half_sent() {
    if (state_ != State::receiving) return;
    refuse_now(503, "the server stops, and the request was not whole in time");
}

void Connection::refuse_now(int status, std::string_view reason) {
    answer_refusal({status, reason});
}

// An answer of ours in place of the app's, after which the connection ends.
void Connection::answer_refusal(const http::Refusal& refusal) {
    refused_ = false;
    closing_ = true;
    stats::add(context_.slot.refused);
    if (names_a_size(refusal.status)) stats::add(context_.slot.too_large);
    context_.refusal_log.write(context_.loop.now(), peer_.address, refusal.status, refusal.reason);
    if (state_ == State::draining) return end_connection();  // its request was answered already
    if (stream_.open()) stream_.close();
    base::ListNode<RunnableTag>::unlink();

    const std::string_view phrase = http::reason_phrase(refusal.status);
    http::ResponseHead head;
    head.status = refusal.status;
    head.headers.push_back(
        {"Content-Type", "text/plain; charset=utf-8", http::FieldName::content_type});
    head.implied_length = phrase.size() + 1;
    const http::BodyPlan plan = codec_->encode_head(0, head, true, context_.out);
    if (plan.has_body) {
        codec_->encode_body_prefix(0, phrase.size() + 1, context_.out);
        context_.out.append(phrase).append("\n");
        codec_->encode_body_suffix(0, context_.out);
    }
    codec_->encode_end(0, context_.out);
    // Never waits: this is the loop.
    const bool sent = queue_.send(socket_.get(), context_.out) != SendQueue::Progress::broken;
    context_.out.clear();
    return sent ? settle() : close();
}

const char* Connection::slow_body(base::MonotonicTime now) const {
    const Settings& settings = context_.settings;
    if (settings.body_total_time.count() > 0 && body_pace_.waited(now) > settings.body_total_time)
        return kLongBody;
    const bool slow = body_pace_.too_slow(now, stream_.body_received(), settings.min_rate,
                                          context_.deadlines.duration(Limit::body));
    return slow ? kSlowBody : nullptr;
}

base::Milliseconds Connection::body_time_left(base::MonotonicTime now) const {
    const Settings& settings = context_.settings;
    const base::Milliseconds silence = context_.deadlines.duration(Limit::body);
    const Pace::Duration waited = body_pace_.waited(now);
    Pace::Duration left = silence;
    if (settings.min_rate != 0) {
        const std::chrono::milliseconds earned(stream_.body_received() * 1000 / settings.min_rate);
        left = std::min<Pace::Duration>(left, silence + earned - waited);
    }
    if (settings.body_total_time.count() > 0)
        left = std::min<Pace::Duration>(left, settings.body_total_time - waited);
    return std::max(std::chrono::ceil<base::Milliseconds>(left), base::Milliseconds{1});
}

// On a core's thread: waits for the socket, and counts how long.
bool Connection::await_body_in_call() {
    base::SteadyClock clock;
    body_pace_.start(clock.now());
    const Wait outcome = wait(POLLIN, Limit::body);
    const base::MonotonicTime now = clock.now();
    body_pace_.stop(now);
    if (outcome == Wait::broken) {
        stream_.break_body(400, "the connection broke in the middle of the body");
        return false;
    }
    const char* const slow = slow_body(now);
    if (outcome != Wait::timeout && slow == nullptr) return true;
    (slow == kSlowBody ? stream_.counts().slow_clients : stream_.counts().body_timeouts) += 1;
    stream_.break_body(408, slow != nullptr ? slow : kSilentBody);
    return false;
}

void Connection::on_limit(Limit limit) {
    switch (limit) {
        case Limit::header:
            stats::add(context_.slot.head_timeouts);
            if (!received_any_) return close();
            return time_out(limit, "the request head took longer than http-header-timeout");
        case Limit::body:
            if (state_ == State::draining) {
                stats::add(context_.slot.body_timeouts);
                return close();
            }
            if (const char* const slow = slow_body(context_.loop.now()))
                return time_out(limit, slow);
            return time_out(limit, kSilentBody);
        case Limit::send:
            return give_up_sending("it read nothing of its answer within http-send-timeout");
        case Limit::keepalive:
            stats::add(context_.slot.keepalive_timeouts);
            return close();
        default:
            return close();
    }
}

void Connection::time_out(Limit limit, std::string_view what) {
    stats::add(context_.slot.timeouts);
    if (what == kSlowBody)
        stats::add(context_.slot.slow_clients);
    else if (limit == Limit::body)
        stats::add(context_.slot.body_timeouts);
    refuse_now(408, what);
}

void Connection::give_up_sending(std::string_view why) {
    stats::add(context_.slot.timeouts);
    stats::add(context_.slot.send_timeouts);
    log::info("client-too-slow", "closed the connection of {}: {}",
              peer_.address.empty() ? "a UNIX socket" : peer_.address, why);
    close();
}

}  // namespace mew::worker
