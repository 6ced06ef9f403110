#include "mailbox/taking_side.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "os/futex.h"

namespace mew::mailbox {
namespace {

// A wait looks now and then whether the front still lives, should nobody have said so.
constexpr base::Milliseconds kLook{1000};
constexpr int kBorrowLook = 10;  // ms, likewise

bool inside(http::Slice slice, std::uint32_t size) {
    return slice.at <= size && slice.size <= size - slice.at;
}

// Any byte may lie where the front writes one; another one than these two must not be looked at.
bool is_bool(const bool& value) {
    unsigned char byte = 0;
    std::memcpy(&byte, &value, sizeof byte);
    return byte <= 1;
}

bool facts_fit(const http::RequestFacts& facts, std::uint32_t size) {
    for (const bool* fact :
         {&facts.keep_alive, &facts.expects_continue, &facts.absolute_target, &facts.path_decoded,
          &facts.https, &facts.server_wide, &facts.connects}) {
        if (!is_bool(*fact)) return false;
    }
    for (const http::Slice slice :
         {facts.method_slice, facts.target_slice, facts.path_slice, facts.query_slice,
          facts.authority_slice, facts.script_name_slice, facts.client_address_slice,
          facts.client_port_slice, facts.server_port_slice}) {
        if (!inside(slice, size)) return false;
    }
    return facts.version <= http::Version::http3 && facts.framing <= http::BodyFraming::chunked;
}

template <class T>
const char* read_array(std::vector<T>& to, const char* from, std::uint32_t count) {
    to.resize(count);
    if (count != 0) std::memcpy(to.data(), from, count * sizeof(T));
    return from + std::size_t{count} * sizeof(T);
}

}  // namespace

void Attached::ring() {
    std::atomic<std::uint32_t>& sleeping = channel.front_line().sleeping;
    if (sleeping.load(std::memory_order_seq_cst) == 0) return;
    if (sleeping.exchange(0, std::memory_order_seq_cst) == 0) return;
    (void)send_packet(socket.get(), {PacketKind::ring, 0, 0});
}

bool Attached::hear(Hear how) {
    const std::lock_guard held(lock_);
    for (int i = 0; i < kMostPackets; ++i) {
        Received received;
        const Receipt receipt = receive_packet(socket.get(), received);
        if (receipt == Receipt::nothing_yet) return true;
        if (receipt == Receipt::closed) return false;
        const Packet& packet = received.packet;
        if (packet.kind == PacketKind::ring && how == Hear::to_next_ring) return true;
        if (packet.kind == PacketKind::file && packet.slot < channel.slots())
            files_[packet.slot] = {packet.sequence, std::move(received.descriptor)};
    }
    return true;
}

os::Fd Attached::take_file(std::uint32_t slot, std::uint64_t sequence) {
    const std::lock_guard held(lock_);
    File& file = files_[slot];
    return file.sequence == sequence ? std::move(file.fd) : os::Fd();
}

// --- Taken

Taken::Taken(std::shared_ptr<Attached> attached, std::uint32_t slot, std::uint64_t sequence)
    : attached_(std::move(attached)), slot_(slot), sequence_(sequence) {}

bool Taken::read_head(http::RequestHead& head) {
    const std::span<char> memory = attached_->channel.head(slot_);
    std::memcpy(&frame_, memory.data(), sizeof frame_);
    const std::uint64_t size =
        sizeof frame_ + std::uint64_t{frame_.fields} * sizeof(http::FieldSlices) +
        std::uint64_t{frame_.variables} * sizeof(http::Variable) + frame_.block_size;
    if (size > memory.size() || frame_.body > BodyWay::file ||
        frame_.address_size > sizeof frame_.address || frame_.port_size > sizeof frame_.port ||
        !facts_fit(frame_.facts, frame_.block_size))
        return false;
    if (frame_.body == BodyWay::file) {
        (void)attached_->hear(Hear::all);
        file_ = attached_->take_file(slot_, sequence_);
    }
    head.clear();
    static_cast<http::RequestFacts&>(head) = frame_.facts;
    const char* at = memory.data() + sizeof frame_;
    at = read_array(head.fields(), at, frame_.fields);
    at = read_array(head.variables(), at, frame_.variables);
    head.set_block(at, frame_.block_size);
    head.own();  // the front could change it under the app
    return std::ranges::all_of(head.fields(),
                               [&](const http::FieldSlices& field) {
                                   return inside(field.name, frame_.block_size) &&
                                          inside(field.value, frame_.block_size) &&
                                          field.id < http::FieldName::count && is_bool(field.cgi);
                               }) &&
           std::ranges::all_of(head.variables(), [&](const http::Variable& variable) {
               return inside(variable.name, frame_.block_size) &&
                      inside(variable.value, frame_.block_size);
           });
}

bool Taken::cancelled() const {
    const std::uint32_t said = control().cancelled.load(std::memory_order_seq_cst);
    return said == kNobodyWaits || (ends_with_input_ && said == kInputEnded) || front_gone();
}

bool Taken::await(const WaitFrame& frame, bool (Taken::*ready)(std::uint64_t), std::uint64_t need,
                  bool (Taken::*over)() const) {
    std::atomic<std::uint32_t>& waiting = control().waiting;
    ring();
    if (frame.before != nullptr) frame.before(frame.context);
    bool done = false;
    while (!done && !(this->*over)()) {
        waiting.store(kSleeps, std::memory_order_seq_cst);
        if (!(this->*ready)(need) && !(this->*over)()) {
            os::shared_futex_wait(waiting, kSleeps, kLook);
            char byte = 0;
            if (::recv(attached_->socket.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
                attached_->gone.store(true);
        }
        waiting.store(0, std::memory_order_seq_cst);
        done = (this->*ready)(need);
    }
    if (frame.after != nullptr) frame.after(frame.context);
    return done;
}

bool Taken::await_news(bool body, std::uint64_t room) {
    std::atomic<std::uint32_t>& waiting = control().waiting;
    waiting.store(kTellLoop, std::memory_order_seq_cst);
    const bool news = (body && has_body(0)) || (room != 0 && has_room(room)) || cancelled();
    if (news) waiting.store(0, std::memory_order_seq_cst);
    return !news;
}

bool Taken::await_room(std::uint64_t room) {
    std::atomic<std::uint32_t>& waiting = control().waiting;
    waiting.store(kTellLoop, std::memory_order_seq_cst);
    const bool news = has_room(room) || front_gone();
    if (news) waiting.store(0, std::memory_order_seq_cst);
    return !news;
}

// --- body

bool Taken::has_body(std::uint64_t) {
    const SlotControl& shared = control();
    return shared.body_written.load(std::memory_order_seq_cst) != body_read_ ||
           shared.body_end.load(std::memory_order_seq_cst) != kBodyOpen;
}

std::string_view Taken::body() {
    const std::uint64_t there = control().body_written.load(std::memory_order_acquire) - body_read_;
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(there, kBodyRing));
    const auto piece = attached_->channel.body_ring(slot_).piece(body_read_, size);
    return {piece.data(), piece.size()};
}

void Taken::release(std::size_t size) {
    body_read_ += size;
    control().body_read.store(body_read_, std::memory_order_seq_cst);
    // The front may wait for room; at the latest await_body() tells it.
    released_ += size;
    if (released_ < kBodyRing / 2) return;
    released_ = 0;
    ring();
}

std::uint32_t Taken::body_end() const { return control().body_end.load(std::memory_order_seq_cst); }

bool Taken::await_body(const WaitFrame& frame) {
    if (has_body(0)) return true;
    return await(frame, &Taken::has_body, 0, &Taken::cancelled);
}

// --- answer

bool Taken::has_room(std::uint64_t size) {
    const std::uint64_t read = control().reply_read.load(std::memory_order_seq_cst);
    const std::uint64_t behind = written_ - read;
    // More than there is: the front is not what it was. Then it gets what it deserves.
    return behind > kReplyRing || kReplyRing - behind >= size;
}

void Taken::put(RecordKind kind, std::string_view first, std::string_view second) {
    const Ring ring = attached_->channel.reply_ring(slot_);
    const std::size_t size = first.size() + second.size();
    const Record record{static_cast<std::uint32_t>(kind), static_cast<std::uint32_t>(size)};
    ring.put(written_, {reinterpret_cast<const char*>(&record), sizeof record});
    ring.put(written_ + sizeof record, first);
    ring.put(written_ + sizeof record + first.size(), second);
    written_ += padded(sizeof record + size, kRecordAlign);
}

bool Taken::write(RecordKind kind, std::string_view first, std::string_view second,
                  const WaitFrame& frame) {
    const std::size_t whole = padded(sizeof(Record) + first.size() + second.size(), kRecordAlign);
    MEW_CHECK(whole <= kReplyRing);
    if (cancelled()) return false;
    if (!has_room(whole) && !await(frame, &Taken::has_room, whole, &Taken::cancelled)) return false;
    put(kind, first, second);
    SlotControl& shared = control();
    if (!replying_) {
        replying_ = true;
        shared.state.store(state_word(sequence_, SlotState::replying), std::memory_order_relaxed);
    }
    shared.reply_written.store(written_, std::memory_order_seq_cst);
    return true;
}

bool Taken::write_file(int fd, std::uint64_t offset, std::uint64_t size, const WaitFrame& frame) {
    if (!send_packet(attached_->socket.get(), {PacketKind::file, slot_, sequence_}, fd))
        return false;
    const FilePart part{offset, size};
    (void)write(RecordKind::file, {reinterpret_cast<const char*>(&part), sizeof part}, {}, frame);
    return true;
}

bool Taken::ask_for_connection(Lend how, const WaitFrame& frame) {
    const LendPart part{how, 0};
    if (!write(RecordKind::lend, {reinterpret_cast<const char*>(&part), sizeof part}, {}, frame))
        return false;
    ring();
    return true;
}

Taken::Lent Taken::take_connection(os::Fd& socket, std::string& unread) {
    // These first: what was sent before them is then found.
    const bool never = cancelled() || body_end() > kBodyComplete;
    // Whoever runs the loop may hear it first, and puts it where it is found.
    const bool there = attached_->hear(Hear::all);
    socket = attached_->take_file(slot_, sequence_);
    if (!socket) return never || !there ? Lent::no : Lent::not_yet;
    unread = body();  // written before it was sent
    return Lent::yes;
}

os::Fd Taken::borrow(Lend how, std::string& unread, const WaitFrame& frame) {
    os::Fd socket;
    if (!ask_for_connection(how, frame)) return socket;
    if (frame.before != nullptr) frame.before(frame.context);
    while (take_connection(socket, unread) == Lent::not_yet) {
        pollfd came{attached_->socket.get(), POLLIN, 0};
        (void)::poll(&came, 1, kBorrowLook);
    }
    if (frame.after != nullptr) frame.after(frame.context);
    return socket;
}

bool Taken::finish(RecordKind kind, std::string_view payload, const WaitFrame& frame) {
    const std::size_t whole = padded(sizeof(Record) + payload.size(), kRecordAlign);
    if (front_gone()) return false;
    // Also where the client left: the front reads on until this record.
    if (!has_room(whole) && !await(frame, &Taken::has_room, whole, &Taken::front_gone))
        return false;
    put(kind, payload, {});
    SlotControl& shared = control();
    shared.state.store(state_word(sequence_, SlotState::done), std::memory_order_relaxed);
    shared.reply_written.store(written_, std::memory_order_seq_cst);
    return true;
}

// --- TakingSide

bool TakingSide::has_posted() const {
    return !left_ && !closed() &&
           attached_->channel.front_line().tail.load(std::memory_order_seq_cst) != head_;
}

std::optional<Taken> TakingSide::take() {
    if (left_ || closed()) return std::nullopt;
    const Channel& channel = attached_->channel;
    const std::uint32_t tail = channel.front_line().tail.load(std::memory_order_acquire);
    if (tail - head_ > kOrders) {  // no front of ours does that
        close();
        return std::nullopt;
    }
    while (head_ != tail) {
        const std::uint64_t order = channel.order(head_).load(std::memory_order_relaxed);
        channel.worker_line().head.store(++head_, std::memory_order_release);
        const auto slot = static_cast<std::uint32_t>(order & 0xffff);
        const std::uint64_t sequence = order >> 16;
        if (slot >= channel.slots()) continue;
        taken_to_ = std::max(taken_to_, slot + 1);
        std::uint64_t expected = state_word(sequence, SlotState::posted);
        if (!channel.control(slot).state.compare_exchange_strong(
                expected, state_word(sequence, SlotState::taken), std::memory_order_acq_rel))
            continue;  // revoked
        return Taken(attached_, slot, sequence);
    }
    return std::nullopt;
}

bool TakingSide::hear() {
    if (attached_->hear(Hear::to_next_ring)) return true;
    close();
    return false;
}

void TakingSide::leave() {
    if (left_) return;
    left_ = true;
    // A front that does not read this one is gone soon, or killed with this worker.
    (void)send_packet(attached_->socket.get(), {PacketKind::leaving, 0, 0});
}

void TakingSide::close() {
    attached_->gone.store(true);
    for (std::uint32_t slot = 0; slot < taken_to_; ++slot) {
        std::atomic<std::uint32_t>& waiting = attached_->channel.control(slot).waiting;
        waiting.store(0, std::memory_order_seq_cst);
        os::shared_futex_wake(waiting);
    }
}

bool TakingSide::has_woken() const {
    for (std::uint32_t word = 0; word * 64 < attached_->channel.slots(); ++word) {
        if (attached_->channel.woken(word).load(std::memory_order_seq_cst) != 0) return true;
    }
    return false;
}

bool TakingSide::prepare_sleep(bool takes) {
    attached_->channel.worker_line().sleeping.store(1, std::memory_order_seq_cst);
    if (!(takes && has_posted()) && !has_woken()) return true;
    awake();
    return false;
}

}  // namespace mew::mailbox
