#include "front/dispatch.h"

#include <algorithm>
#include <utility>

#include "front/connection.h"
#include "log/log.h"

namespace mew::front {

namespace {

constexpr unsigned kRetryAfter = 1;  // seconds
// So long a death's reason is waited for.
constexpr base::Milliseconds kVerdict{1000};
// A worker that takes nothing is looked at more and more rarely.
constexpr base::Milliseconds kLongestLook{16};

std::uint64_t microseconds(base::MonotonicTime::duration time) {
    return static_cast<std::uint64_t>(time / std::chrono::microseconds(1));
}

}  // namespace

Dispatch::Dispatch(Context& context, const control::Gate& gate, TellBroken tell_broken)
    : context_(context), gate_(gate), tell_broken_(std::move(tell_broken)) {
    context.dispatch = this;
}

Dispatch::~Dispatch() { context_.loop.cancel_timer(look_timer_); }

// --- posting

Channel* Dispatch::best() {
    Channel* found = nullptr;
    const std::size_t count = channels_.size();
    for (std::size_t i = 0; i < count; ++i) {
        Channel& channel = *channels_[(next_ + i) % count];
        if (!channel.has_room() || !gate_.serves(channel.worker().generation)) continue;
        if (found == nullptr || channel.used() < found->used()) found = &channel;
        if (found->idle()) break;
    }
    return found;
}

bool Dispatch::fits(const Exchange& exchange) const {
    return channels_.empty() || channels_.front()->side().fits(exchange.head());
}

void Dispatch::refuse_size(Exchange& exchange) {
    log::error("head-does-not-fit", "{} {}: its head is larger than a mailbox takes",
               exchange.head().method(), exchange.head().target());
    exchange.answer(431);
}

bool Dispatch::post(Exchange& exchange) {
    for (Channel* channel = best(); channel != nullptr; channel = best()) {
        if (!channel->post(exchange)) continue;  // it has no room any more
        return true;
    }
    return false;
}

void Dispatch::submit(Exchange& exchange) {
    if (!fits(exchange)) return refuse_size(exchange);
    if (waiting_.empty() && post(exchange)) return;
    if (waiting_count_ >= context_.settings.queue) {
        stats::add(context_.slot.queue_full);
        return exchange.answer(503, kRetryAfter);
    }
    enqueue(exchange);
    waiting_.push_back(exchange);
}

void Dispatch::enqueue(Exchange& exchange) {
    ++waiting_count_;
    exchange.on_queued(context_.loop.now());
    if (exchange.limit() != client::Limit::queue)
        context_.deadlines.arm(exchange, client::Limit::queue);
}

void Dispatch::dequeue(Exchange& exchange) {
    --waiting_count_;
    exchange.base::ListNode<QueueTag>::unlink();
    const std::uint64_t waited = microseconds(context_.loop.now() - exchange.queued_since());
    stats::FrontSlot& slot = context_.slot;
    stats::add(slot.queue_waited);
    stats::add(slot.queue_wait_us, waited);
    if (waited > slot.queue_wait_max_us.load(std::memory_order_relaxed))
        slot.queue_wait_max_us.store(waited, std::memory_order_relaxed);
}

void Dispatch::assign() {
    while (!waiting_.empty()) {
        Exchange& exchange = waiting_.front();
        if (!fits(exchange)) {
            refuse_size(exchange);  // it came when there was no worker
            continue;
        }
        if (!post(exchange)) return;
        dequeue(exchange);
    }
}

// Before all that came later.
void Dispatch::requeue(Exchange& exchange) {
    enqueue(exchange);
    waiting_.push_front(exchange);
}

void Dispatch::take_back(Exchange& exchange) {
    stats::add(context_.slot.revocations);
    requeue(exchange);
}

void Dispatch::on_waited_too_long(Exchange& exchange) {
    if (exchange.place() != Exchange::Place::queued) return;
    stats::add(context_.slot.queue_timeouts);
    exchange.answer(503, kRetryAfter);
}

void Dispatch::withdraw(Exchange& exchange) {
    if (exchange.base::ListNode<QueueTag>::linked()) {
        --waiting_count_;
        exchange.base::ListNode<QueueTag>::unlink();
    }
    if (exchange.channel() != nullptr) {
        exchange.channel()->abandon(exchange.slot());
        exchange.on_unposted();
    }
    for (Judged& judged : judged_) std::erase(judged.exchanges, &exchange);
}

void Dispatch::refuse_waiting() {
    while (!waiting_.empty()) on_waited_too_long(waiting_.front());
}

// --- what is posted and not begun

void Dispatch::watch_posted(base::Milliseconds after) {
    const base::MonotonicTime due = context_.loop.now() + after;
    if (look_timer_ != 0 && look_due_ <= due) return;
    context_.loop.cancel_timer(look_timer_);
    look_due_ = due;
    look_timer_ = context_.loop.start_timer(after, [this] {
        look_timer_ = 0;
        look_at_posted();
    });
}

void Dispatch::look_at_posted() {
    const base::MonotonicTime now = context_.loop.now();
    auto left = Channel::Untaken::none;
    for (const auto& channel : channels_) {
        if (channel->untaken(now) == Channel::Untaken::old) {
            // Where nothing runs, it is the worker's process that waits for a processor: others may
            // be faster, if there are others.
            const Channel* const other = best();
            channel->take_back(now, false, other != nullptr && other != channel.get());
        }
        left = std::max(left, channel->untaken(now));
    }
    assign();
    // Only for what cannot be helped is it looked more rarely.
    look_after_ = left == Channel::Untaken::old ? std::min(look_after_ * 2, kLongestLook)
                                                : Channel::kPatience;
    if (left != Channel::Untaken::none) watch_posted(look_after_);
}

// --- workers come and go

base::Result<void> Dispatch::attach(WorkerId worker, std::uint32_t cores, mailbox::Channel memory,
                                    os::Fd socket) {
    auto channel =
        std::make_unique<Channel>(context_, worker, cores, std::move(memory), std::move(socket));
    if (auto opened = channel->open(); !opened) return opened;
    channels_.push_back(std::move(channel));
    stats::add(context_.slot.channels);
    return {};
}

void Dispatch::on_leaving(Channel& channel) { channel.take_back(context_.loop.now(), true, true); }

void Dispatch::on_drained(Channel& channel) { remove(channel); }

void Dispatch::remove(Channel& channel) {
    channel.close();
    const auto found =
        std::ranges::find_if(channels_, [&](const auto& one) { return one.get() == &channel; });
    if (found == channels_.end()) return;
    context_.loop.defer_delete(std::move(*found));
    channels_.erase(found);
    context_.slot.channels.store(channels_.size(), std::memory_order_relaxed);
}

void Dispatch::on_broken(Channel& channel, const char* what) {
    stats::add(context_.slot.broken_channels);
    const WorkerId worker = channel.worker();
    log::error("mailbox-broken", "worker {} of generation {} broke the rules of its mailbox: {}",
               worker.slot, worker.generation, what);
    verdicts_.emplace_back(worker, "it broke the rules of its mailbox");
    on_worker_gone(channel);
    tell_broken_(worker, what);
}

void Dispatch::on_worker_gone(Channel& channel) {
    const WorkerId worker = channel.worker();
    const std::vector<Channel::Left> left = channel.take_all();
    remove(channel);
    Judged judged{worker, {}, 0};
    // The youngest goes to the front of the queue first.
    for (auto one = left.rbegin(); one != left.rend(); ++one) {
        Exchange& exchange = *one->exchange;
        if (exchange.over()) continue;
        if (!one->taken && context_.settings.retry != Retry::off) {
            requeue(exchange);
        } else if (one->taken && exchange.may_run_again()) {
            judged.exchanges.push_back(&exchange);
        } else {
            lose(exchange, worker, "it must not be run again");
        }
    }
    if (!judged.exchanges.empty()) {
        judged.timer = context_.loop.start_timer(
            kVerdict, [this, worker] { judge(worker, "the master does not say why it died"); });
        judged_.push_back(std::move(judged));
    }
    const auto said = std::ranges::find(verdicts_, worker, &decltype(verdicts_)::value_type::first);
    if (said == verdicts_.end()) return;
    const std::string why_not = std::move(said->second);
    forget_verdicts(worker);
    judge(worker, why_not);
}

void Dispatch::on_ended(const WorkerId& worker, const std::string& why_not) {
    const auto standing = std::ranges::find_if(
        channels_, [&](const auto& channel) { return channel->worker() == worker; });
    if (standing == channels_.end()) return judge(worker, why_not);
    verdicts_.emplace_back(worker, why_not);
    Channel& channel = **standing;
    channel.read();  // what it answered before its end counts
    if (!channel.closed()) on_worker_gone(channel);
    forget_verdicts(worker);
}

void Dispatch::forget_verdicts(const WorkerId& worker) {
    std::erase_if(verdicts_, [&](const auto& verdict) { return verdict.first == worker; });
}

void Dispatch::judge(const WorkerId& worker, const std::string& why_not) {
    const auto found = std::ranges::find(judged_, worker, &Judged::worker);
    if (found == judged_.end()) return;
    context_.loop.cancel_timer(found->timer);
    const std::vector<Exchange*> exchanges = std::move(found->exchanges);
    judged_.erase(found);
    for (Exchange* exchange : exchanges) {
        if (!why_not.empty()) {
            lose(*exchange, worker, why_not);
            continue;
        }
        exchange->note_retry();
        stats::add(context_.slot.retries);
        requeue(*exchange);
    }
}

void Dispatch::lose(Exchange& exchange, const WorkerId& worker, const std::string& why) {
    stats::add(context_.slot.lost);
    log::error("request-lost", "{} {}: worker {} died while it ran: {}", exchange.head().method(),
               exchange.head().target(), worker.slot, why);
    exchange.fail(502);
}

// --- the loop

void Dispatch::turn() {
    for (std::size_t i = 0; i < channels_.size(); ++i) {
        Channel& channel = *channels_[i];
        if (channel.needs_look()) channel.read();
        if (i < channels_.size() && channels_[i].get() != &channel) --i;  // it is gone
    }
    assign();
    auto posted = Channel::Posted::nothing;
    for (const auto& channel : channels_) posted = std::max(posted, channel->end_turn());
    // What goes to an idle worker is begun at once, unless its process is stopped: a timer that is
    // always the next one of the processor costs more than the whole dispatch.
    if (posted != Channel::Posted::nothing)
        watch_posted(posted == Channel::Posted::to_idle ? kLongestLook : look_after_);
    if (!channels_.empty()) next_ = (next_ + 1) % channels_.size();
    count();
}

void Dispatch::count() {
    std::uint64_t outstanding = 0;
    for (const auto& channel : channels_) outstanding += channel->used();
    stats::FrontSlot& slot = context_.slot;
    slot.outstanding.store(outstanding, std::memory_order_relaxed);
    slot.queued.store(waiting_count_, std::memory_order_relaxed);
    slot.spills.store(context_.spill_totals.spills, std::memory_order_relaxed);
    slot.spill_bytes.store(context_.spill_totals.bytes, std::memory_order_relaxed);
}

bool Dispatch::prepare_sleep() {
    for (const auto& channel : channels_) {
        if (!channel->side().prepare_sleep()) {
            awake();
            return false;
        }
    }
    return true;
}

void Dispatch::awake() {
    for (const auto& channel : channels_) channel->side().awake();
}

}  // namespace mew::front
