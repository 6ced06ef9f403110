#include "mailbox/posting_side.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "os/futex.h"

namespace mew::mailbox {
namespace {

// A frame is written front to back.
class FrameWriter {
public:
    explicit FrameWriter(char* to) : at_(to) {}
    void put(const void* bytes, std::size_t size) {
        if (size != 0) std::memcpy(at_, bytes, size);
        at_ += size;
    }

private:
    char* at_;
};

template <std::size_t Size>
std::uint8_t put_text(char (&to)[Size], std::string_view text) {
    return static_cast<std::uint8_t>(text.copy(to, Size));
}

std::size_t frame_size(const http::RequestHead& head) {
    return sizeof(RequestFrame) + head.fields().size() * sizeof(http::FieldSlices) +
           head.variables().size() * sizeof(http::Variable) + head.block_size();
}

}  // namespace

bool PostingSide::fits(const http::RequestHead& head) const {
    return frame_size(head) <= channel_.head(0).size();
}

bool PostingSide::has_room() {
    // Orders of revoked requests that the worker has not passed yet take room too.
    const std::uint32_t behind =
        tail_ - channel_.worker_line().head.load(std::memory_order_acquire);
    if (behind > kOrders) broken_ = true;
    return !broken_ && behind != kOrders && used_ != slots();
}

std::optional<std::uint32_t> PostingSide::free_slot() {
    if (!has_room()) return std::nullopt;
    while (slots_[free_from_].used) ++free_from_;
    return free_from_;
}

void PostingSide::write_frame(std::uint32_t slot, const Request& request) {
    const http::RequestHead& head = request.head;
    RequestFrame frame;
    frame.facts = head;
    frame.fields = static_cast<std::uint32_t>(head.fields().size());
    frame.variables = static_cast<std::uint32_t>(head.variables().size());
    frame.block_size = static_cast<std::uint32_t>(head.block_size());
    frame.body = request.body;
    frame.body_known = request.body_size ? 1 : 0;
    frame.body_size = request.body_size.value_or(0);
    frame.connection = request.connection;
    frame.listener = request.listener;
    frame.address_size = put_text(frame.address, request.address);
    frame.port_size = put_text(frame.port, request.port);
    frame.may_lend = request.may_lend ? 1 : 0;
    FrameWriter writer(channel_.head(slot).data());
    writer.put(&frame, sizeof frame);
    writer.put(head.fields().data(), head.fields().size() * sizeof(http::FieldSlices));
    writer.put(head.variables().data(), head.variables().size() * sizeof(http::Variable));
    writer.put(head.block().data(), head.block_size());
}

std::optional<std::uint32_t> PostingSide::post(const Request& request) {
    const auto found = fits(request.head) ? free_slot() : std::nullopt;
    if (!found) return std::nullopt;
    const std::uint32_t slot = *found;
    const std::uint64_t sequence = next_sequence_;
    // The file goes first: whoever takes the request finds it there.
    if (request.body == BodyWay::file &&
        !send_packet(socket_.get(), {PacketKind::file, slot, sequence}, request.file))
        return std::nullopt;
    ++next_sequence_;
    Own& own = slots_[slot];
    own = Own{};
    own.sequence = sequence;
    own.used = true;
    ++used_;
    used_to_ = std::max(used_to_, slot + 1);
    write_frame(slot, request);
    SlotControl& control = channel_.control(slot);
    control.reply_read.store(0, std::memory_order_relaxed);
    control.reply_written.store(0, std::memory_order_relaxed);
    control.body_read.store(0, std::memory_order_relaxed);
    control.body_written.store(0, std::memory_order_relaxed);
    control.body_end.store(kBodyOpen, std::memory_order_relaxed);
    control.cancelled.store(0, std::memory_order_relaxed);
    control.waiting.store(0, std::memory_order_relaxed);
    if (request.body == BodyWay::ring) {
        write_body(slot, request.body_bytes);
        if (request.body_complete) end_body(slot, kBodyComplete);
    }
    control.state.store(state_word(sequence, SlotState::posted), std::memory_order_release);
    channel_.order(tail_).store(order_word(sequence, slot), std::memory_order_relaxed);
    channel_.front_line().tail.store(++tail_, std::memory_order_seq_cst);
    return slot;
}

bool PostingSide::ring() {
    woke_loop_ = false;
    std::atomic<std::uint32_t>& sleeping = channel_.worker_line().sleeping;
    if (sleeping.load(std::memory_order_seq_cst) == 0) return false;
    if (sleeping.exchange(0, std::memory_order_seq_cst) == 0) return false;
    // A full socket is readable: the worker wakes up by what lies in it.
    (void)send_packet(socket_.get(), {PacketKind::ring, 0, 0});
    return true;
}

bool PostingSide::revoke(std::uint32_t slot) {
    if (slots_[slot].begun) return false;
    const std::uint64_t sequence = slots_[slot].sequence;
    std::uint64_t expected = state_word(sequence, SlotState::posted);
    if (!channel_.control(slot).state.compare_exchange_strong(
            expected, state_word(sequence, SlotState::free), std::memory_order_acq_rel))
        return false;
    release(slot);
    return true;
}

bool PostingSide::taken(std::uint32_t slot) {
    Own& own = slots_[slot];
    if (own.begun) return true;
    const std::uint64_t word = channel_.control(slot).state.load(std::memory_order_acquire);
    return own.begun = word != state_word(own.sequence, SlotState::posted);
}

bool PostingSide::done(std::uint32_t slot) const {
    const std::uint64_t word = channel_.control(slot).state.load(std::memory_order_acquire);
    return word == state_word(slots_[slot].sequence, SlotState::done);
}

void PostingSide::wake(std::uint32_t slot) {
    SlotControl& control = channel_.control(slot);
    if (control.waiting.load(std::memory_order_seq_cst) == 0) return;
    const std::uint32_t how = control.waiting.exchange(0, std::memory_order_seq_cst);
    if (how == kTellLoop) {
        channel_.woken(slot / 64).fetch_or(std::uint64_t{1} << slot % 64,
                                           std::memory_order_seq_cst);
        woke_loop_ = true;
    } else if (how != 0) {
        os::shared_futex_wake(control.waiting);
    }
}

void PostingSide::cancel(std::uint32_t slot) {
    SlotControl& control = channel_.control(slot);
    control.cancelled.store(kNobodyWaits, std::memory_order_seq_cst);
    wake(slot);
}

void PostingSide::end_input(std::uint32_t slot) {
    channel_.control(slot).cancelled.store(kInputEnded, std::memory_order_seq_cst);
    wake(slot);
}

// --- body

std::size_t PostingSide::body_room(std::uint32_t slot) {
    const std::uint64_t read = channel_.control(slot).body_read.load(std::memory_order_seq_cst);
    const std::uint64_t written = slots_[slot].body_written;
    if (read > written || written - read > kBodyRing) {
        broken_ = true;
        return 0;
    }
    return kBodyRing - static_cast<std::size_t>(written - read);
}

void PostingSide::write_body(std::uint32_t slot, std::string_view bytes) {
    if (bytes.empty()) return;
    SlotControl& control = channel_.control(slot);
    Own& own = slots_[slot];
    channel_.body_ring(slot).put(own.body_written, bytes);
    own.body_written += bytes.size();
    control.body_written.store(own.body_written, std::memory_order_seq_cst);
    wake(slot);
}

bool PostingSide::lend(std::uint32_t slot, int socket) {
    return send_packet(socket_.get(), {PacketKind::file, slot, slots_[slot].sequence}, socket);
}

void PostingSide::end_body(std::uint32_t slot, std::uint32_t how) {
    SlotControl& control = channel_.control(slot);
    control.body_end.store(how, std::memory_order_seq_cst);
    wake(slot);
}

// --- answer

PostingSide::Look PostingSide::look(std::uint32_t slot, Piece& piece) {
    Own& own = slots_[slot];
    const std::uint64_t written =
        channel_.control(slot).reply_written.load(std::memory_order_acquire);
    const std::uint64_t there = written - own.reply_read;
    if (there == 0) return Look::nothing;
    own.begun = true;  // who answers has begun, whatever the state says
    Record record{};
    // Beyond its credit: who reads until there is nothing would never be done.
    const bool too_far = written - own.credited > kReplyRing;
    if (too_far || there > kReplyRing || there < sizeof record || there % kRecordAlign != 0) {
        broken_ = true;
        return Look::broken;
    }
    channel_.reply_ring(slot).get(own.reply_read, reinterpret_cast<char*>(&record), sizeof record);
    if (record.kind > static_cast<std::uint32_t>(RecordKind::fail) ||
        record.size > kReplyRing - sizeof record ||
        padded(sizeof record + record.size, kRecordAlign) > there) {
        broken_ = true;
        return Look::broken;
    }
    piece = {static_cast<RecordKind>(record.kind), record.size, own.reply_read + sizeof record};
    return Look::record;
}

void PostingSide::copy(std::uint32_t slot, const Piece& piece, char* to) const {
    channel_.reply_ring(slot).get(piece.position, to, piece.size);
}

std::array<std::string_view, 2> PostingSide::view(std::uint32_t slot, const Piece& piece) const {
    const Ring ring = channel_.reply_ring(slot);
    const auto first = ring.piece(piece.position, piece.size);
    const auto second = ring.piece(piece.position + first.size(), piece.size - first.size());
    return {std::string_view(first.data(), first.size()),
            std::string_view(second.data(), second.size())};
}

void PostingSide::consume(std::uint32_t slot, const Piece& piece) {
    slots_[slot].reply_read += padded(sizeof(Record) + piece.size, kRecordAlign);
}

void PostingSide::give_credit(std::uint32_t slot) {
    SlotControl& control = channel_.control(slot);
    Own& own = slots_[slot];
    own.credited = own.reply_read;
    control.reply_read.store(own.reply_read, std::memory_order_seq_cst);
    wake(slot);
}

void PostingSide::release(std::uint32_t slot) {
    slots_[slot].used = false;
    --used_;
    free_from_ = std::min(free_from_, slot);
    while (used_to_ > 0 && !slots_[used_to_ - 1].used) --used_to_;
}

void PostingSide::free(std::uint32_t slot) {
    Own& own = slots_[slot];
    MEW_CHECK(own.used);
    release(slot);
    channel_.control(slot).state.store(state_word(own.sequence, SlotState::free),
                                       std::memory_order_release);
}

bool PostingSide::has_news(std::uint32_t slot) const {
    return channel_.control(slot).reply_written.load(std::memory_order_seq_cst) !=
           slots_[slot].reply_read;
}

bool PostingSide::is_reason_to_wake(std::uint32_t slot) {
    const Own& own = slots_[slot];
    if (!own.used) return false;
    return (!own.held && has_news(slot)) || (own.wants_room && taken(slot) && body_room(slot) > 0);
}

bool PostingSide::prepare_sleep() {
    if (woke_loop_) ring();
    if (used_ == 0) return !broken_;
    channel_.front_line().sleeping.store(1, std::memory_order_seq_cst);
    for (std::uint32_t slot = 0; slot < used_to_; ++slot) {
        if (is_reason_to_wake(slot)) {
            awake();
            return false;
        }
    }
    return !broken_;
}

}  // namespace mew::mailbox
