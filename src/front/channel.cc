#include "front/channel.h"

#include <algorithm>

#include "front/dispatch.h"
#include "log/log.h"

namespace mew::front {

using mailbox::Hear;
using mailbox::PostingSide;
using mailbox::RecordKind;

Channel::Channel(Context& context, WorkerId worker, std::uint32_t cores, mailbox::Channel memory,
                 os::Fd socket)
    : context_(context),
      worker_(worker),
      side_(std::move(memory), std::move(socket)),
      held_(side_.slots()),
      least_depth_(std::clamp(cores, 1U, side_.slots())),
      depth_(side_.slots()) {}

Channel::~Channel() { close(); }

base::Result<void> Channel::open() {
    auto added = context_.loop.add(side_.socket(), EPOLLIN, *this);
    closed_ = !added;
    return added;
}

void Channel::close() {
    if (std::exchange(closed_, true)) return;
    context_.loop.remove(side_.socket(), *this);
}

bool Channel::post(Exchange& exchange) {
    const auto slot = side_.post(exchange.request());
    refused_ = !slot;
    if (!slot) return false;
    held_[*slot] = {&exchange, context_.loop.now(), {}, false, false};
    exchange.on_posted(*this, *slot);
    return posted_ = true;
}

Channel::Posted Channel::end_turn() {
    refused_ = false;
    if (!std::exchange(posted_, false)) {
        if (side_.must_ring()) side_.ring();
        return Posted::nothing;
    }
    // One that runs several at once may sleep in its loop while all of its threads are in calls.
    const bool was_idle = side_.ring() && side_.used() == 1 && least_depth_ == 1;
    return was_idle ? Posted::to_idle : Posted::to_busy;
}

void Channel::abandon(std::uint32_t slot) {
    let_go(slot);
    if (!side_.revoke(slot)) side_.cancel(slot);
}

void Channel::let_go(std::uint32_t slot) {
    held_[slot].exchange = nullptr;
    side_.want_room(slot, false);
    if (held_[slot].held) side_.hold(slot, held_[slot].held = false);
}

void Channel::resume(std::uint32_t slot) {
    if (!held_[slot].held) return;
    side_.hold(slot, held_[slot].held = false);
    read_slot(slot);
}

// --- answers

void Channel::on_event(std::uint32_t) {
    const bool there = hear(Hear::to_next_ring);
    read();
    if (!there && !closed_) context_.dispatch->on_worker_gone(*this);
}

// False: the worker is gone, or is none of ours.
bool Channel::hear(Hear how) {
    for (int i = 0; i < mailbox::kMostPackets; ++i) {
        mailbox::Received received;
        const auto receipt = mailbox::receive_packet(side_.socket(), received);
        if (receipt == mailbox::Receipt::nothing_yet) return true;
        if (receipt == mailbox::Receipt::closed) return false;
        const mailbox::Packet& packet = received.packet;
        if (packet.kind == mailbox::PacketKind::ring && how == Hear::to_next_ring) return true;
        if (packet.kind == mailbox::PacketKind::leaving) {
            leaving_ = true;
            context_.dispatch->on_leaving(*this);
        } else if (packet.kind == mailbox::PacketKind::file && packet.slot < side_.slots() &&
                   side_.in_use(packet.slot) && side_.sequence(packet.slot) == packet.sequence) {
            held_[packet.slot].file = std::move(received.descriptor);
        }
    }
    return true;
}

void Channel::read() {
    for (std::uint32_t slot = 0; slot < side_.used_to(); ++slot) {
        if (closed_) return;
        if (!side_.in_use(slot)) continue;
        if (!held_[slot].held)
            read_slot(slot);
        else if (side_.done(slot))
            resume(slot);
        else if (held_[slot].exchange != nullptr)
            held_[slot].exchange->feed();  // its client may have to send all before it reads
    }
    if (side_.broken()) return break_off("what it wrote into the mailbox cannot be");
    // A worker that leaves is let go with its last answer.
    if (leaving_ && idle() && !closed_) context_.dispatch->on_drained(*this);
}

void Channel::read_slot(std::uint32_t slot) {
    Held& held = held_[slot];
    if (held.exchange != nullptr) held.exchange->feed();
    bool any = false;
    for (;;) {
        PostingSide::Piece piece;
        if (side_.look(slot, piece) != PostingSide::Look::record) break;
        any = true;
        if (piece.kind == RecordKind::end || piece.kind == RecordKind::fail)
            return finish_slot(slot, piece);
        Exchange* const exchange = held.exchange;
        if (exchange != nullptr) {
            if (piece.kind == RecordKind::file && !exchange->sends_file() &&
                !hand_over_file(slot)) {
                exchange->flush();
                return break_off("it told of a file and sent none");
            }
            if (exchange->take(side_, piece, side_.done(slot)) == Exchange::Took::hold) {
                side_.hold(slot, held.held = true);
                break;
            }
        }
        side_.consume(slot, piece);
    }
    if (!any) return;
    side_.give_credit(slot);
    if (held.exchange != nullptr) held.exchange->flush();
}

bool Channel::hand_over_file(std::uint32_t slot) {
    if (!held_[slot].file) (void)hear(Hear::all);
    if (!held_[slot].file) return false;
    held_[slot].exchange->take_file(std::move(held_[slot].file));
    return true;
}

void Channel::finish_slot(std::uint32_t slot, const PostingSide::Piece& piece) {
    Held& held = held_[slot];
    Exchange* const exchange = held.exchange;
    int failure = piece.kind == RecordKind::end ? 0 : 500;
    if (piece.kind == RecordKind::fail && piece.size == sizeof(mailbox::FailPart)) {
        mailbox::FailPart part{};
        side_.copy(slot, piece, reinterpret_cast<char*>(&part));
        failure = std::max(1, static_cast<int>(part.status));
    }
    note_service(held);
    side_.consume(slot, piece);
    side_.free(slot);
    held = Held{};
    if (exchange == nullptr) return;
    exchange->on_unposted();
    exchange->on_last(failure);
}

// --- depth

void Channel::note_service(const Held& held) {
    const base::MonotonicTime now = context_.loop.now();
    const auto took = now - std::max(held.posted, last_done_);
    last_done_ = now;
    depth_ = took >= kPatience ? least_depth_ : std::min(depth_ * 2, side_.slots());
}

Channel::Untaken Channel::untaken(base::MonotonicTime now) {
    Untaken found = Untaken::none;
    for (std::uint32_t slot = 0; slot < side_.used_to(); ++slot) {
        Held& held = held_[slot];
        if (!side_.in_use(slot) || held.taken) continue;
        held.taken = side_.taken(slot);
        if (held.taken) continue;
        if (now - held.posted >= kPatience) return Untaken::old;
        found = Untaken::fresh;
    }
    return found;
}

bool Channel::runs_something() {
    for (std::uint32_t slot = 0; slot < side_.used_to(); ++slot) {
        if (side_.in_use(slot) && side_.taken(slot)) return true;
    }
    return false;
}

void Channel::take_back(base::MonotonicTime now, bool all, bool any) {
    if (!any && !all && !runs_something()) return;
    std::vector<std::uint32_t> slots;
    for (std::uint32_t slot = 0; slot < side_.used_to(); ++slot) {
        const Held& held = held_[slot];
        if (side_.in_use(slot) && (all || now - held.posted >= kPatience)) slots.push_back(slot);
    }
    // The youngest first: each goes before those that wait.
    std::ranges::sort(slots, [this](std::uint32_t a, std::uint32_t b) {
        return side_.sequence(a) > side_.sequence(b);
    });
    for (const std::uint32_t slot : slots) {
        if (!side_.revoke(slot)) continue;
        Exchange* const exchange = std::exchange(held_[slot].exchange, nullptr);
        held_[slot] = Held{};
        if (exchange == nullptr) continue;
        depth_ = least_depth_;
        exchange->on_unposted();
        context_.dispatch->take_back(*exchange);
    }
}

std::vector<Channel::Left> Channel::take_all() {
    std::vector<Left> left;
    for (std::uint32_t slot = 0; slot < side_.used_to(); ++slot) {
        Exchange* const exchange = std::exchange(held_[slot].exchange, nullptr);
        if (exchange == nullptr) continue;
        exchange->on_unposted();
        left.push_back({exchange, side_.taken(slot)});
    }
    // By age.
    std::ranges::sort(left, {},
                      [this](const Left& one) { return side_.sequence(one.exchange->slot()); });
    return left;
}

// Nothing that it says is worth anything now; the master puts another one in its place.
void Channel::break_off(const char* what) {
    if (closed_) return;
    context_.dispatch->on_broken(*this, what);
}

}  // namespace mew::front
