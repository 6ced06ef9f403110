#pragma once
// A worker that does what a program says: takes requests and answers them as it should, or writes
// any bytes at any place of the channel's memory, records that cannot be, packets of any size with
// any descriptors, and leaves or dies in the middle.
//
// No byte of body that it gives is an 'H', so that the start of an answer never comes from it.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "front/testing/stage.h"
#include "fuzz/odd_files.h"
#include "fuzz/program.h"

namespace mew::fuzz {

inline std::string without_h(std::string_view text) {
    std::string clean(text);
    std::ranges::replace(clean, 'H', 'h');
    return clean;
}

class HostileWorker {
public:
    HostileWorker(front::testing::Stage& stage, std::uint64_t incarnation)
        : worker_(stage.attach_worker({2, 2, incarnation})), size_(stage_size(worker_)) {
        void* const mapped =
            ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, worker_.memory.get(), 0);
        memory_ = static_cast<char*>(mapped);
    }
    ~HostileWorker() { ::munmap(memory_, size_); }
    HostileWorker(const HostileWorker&) = delete;
    HostileWorker& operator=(const HostileWorker&) = delete;

    const front::WorkerId& id() const { return worker_.id; }
    bool alive() const { return worker_.side != nullptr; }
    void die() {
        taken_ = {};
        worker_.side.reset();
    }

    void take() {
        (void)worker_.side->hear();
        auto taken = worker_.side->take();
        if (!taken) return;
        http::RequestHead head;
        (void)taken->read_head(head);
        // Its slot is known by nobody but the order: the newest that is taken.
        for (std::uint32_t slot = 0; slot < mailbox::kSlots; ++slot) {
            const std::uint64_t word = worker_.spy.control(slot).state.load();
            if (words_[slot] == word || (word & 0xff) != kTaken) continue;
            words_[slot] = word;
            written_[slot] = 0;
            taken_[slot] = std::make_unique<mailbox::Taken>(*std::move(taken));
            return;
        }
    }

    // As a worker of ours: once for each request.
    void answer(Program& program) {
        const std::uint32_t slot = program.one_of(mailbox::kSlots);
        const std::string body(program.word() % 20000, 'a');
        const std::unique_ptr<mailbox::Taken> taken = std::move(taken_[slot]);
        // It would wait for room, and nobody is here to give any.
        if (!taken || worker_.spy.control(slot).reply_read.load() != 0) return;
        (void)front::testing::give_answer(*taken, body);
    }

    void record(Program& program) {
        const std::uint32_t slot = program.one_of(mailbox::kSlots);
        const std::uint32_t kind = program.byte() & 15;  // more than there are
        const std::uint32_t lie = program.byte();        // about the size
        const std::string payload = without_h(program.text());
        put(slot, kind, static_cast<std::uint32_t>(payload.size()) + lie, payload);
    }

    void head_record(Program& program) {
        const std::uint32_t slot = program.one_of(mailbox::kSlots);
        const std::uint8_t flags = program.byte();
        http::ResponseHead head;
        head.status = static_cast<int>(program.word() % 1024);
        const std::string reason = without_h((flags & 1) != 0 ? program.text() : "");
        head.reason = reason;
        if ((flags & 2) != 0) head.implied_length = program.word();
        head.wants_close = (flags & 4) != 0;
        std::vector<std::string> texts;
        for (int i = (flags >> 4) * 2; i > 0; --i) texts.push_back(without_h(program.text()));
        for (std::size_t i = 0; i < texts.size(); i += 2)
            head.headers.push_back({texts[i], texts[i + 1]});
        std::string bytes;
        mailbox::append_reply_head(bytes, head);
        put(slot, static_cast<std::uint32_t>(mailbox::RecordKind::head), bytes.size(), bytes);
    }

    void body_record(Program& program) {
        const std::uint32_t slot = program.one_of(mailbox::kSlots);
        const std::string body(program.word() % mailbox::Taken::kMostBody, 'b');
        put(slot, static_cast<std::uint32_t>(mailbox::RecordKind::body), body.size(), body);
    }

    void file_record(Program& program) {
        const std::uint32_t slot = program.one_of(mailbox::kSlots);
        const int fd = OddFiles::get(program.byte());
        const std::uint64_t stale = program.byte() % 4 == 3 ? 1 : 0;
        (void)mailbox::send_packet(worker_.side->socket(),
                                   {mailbox::PacketKind::file, slot, (words_[slot] >> 8) - stale},
                                   fd);
        const mailbox::FilePart part{program.number(3), program.number(4)};
        put(slot, static_cast<std::uint32_t>(mailbox::RecordKind::file), sizeof part,
            {reinterpret_cast<const char*>(&part), sizeof part});
    }

    void packet(Program& program) {
        const int first = OddFiles::get(program.byte());
        const int second = OddFiles::get(program.byte());
        const std::string bytes(program.text());
        iovec part{const_cast<char*>(bytes.data()), bytes.size()};  // NOLINT: only read
        alignas(cmsghdr) char ancillary[CMSG_SPACE(2 * sizeof(int))] = {};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        const int descriptors[2] = {first >= 0 ? first : second, second};
        const std::size_t count = (first >= 0 ? 1 : 0) + (second >= 0 ? 1 : 0);
        if (count != 0) {
            message.msg_control = ancillary;
            message.msg_controllen = CMSG_SPACE(count * sizeof(int));
            cmsghdr* const head = CMSG_FIRSTHDR(&message);
            head->cmsg_level = SOL_SOCKET;
            head->cmsg_type = SCM_RIGHTS;
            head->cmsg_len = CMSG_LEN(count * sizeof(int));
            std::memcpy(CMSG_DATA(head), descriptors, count * sizeof(int));
        }
        (void)::sendmsg(worker_.side->socket(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    // Bytes at any place: relative to the channel's start, or to a part of a slot.
    void poke(Program& program) {
        const std::uint32_t area = program.one_of(5);
        const std::uint32_t slot = program.one_of(mailbox::kSlots);
        const std::size_t at = place(area, slot) + program.word();
        const std::string bytes = without_h(program.text());
        if (at + bytes.size() <= size_) std::memcpy(memory_ + at, bytes.data(), bytes.size());
    }

    // Any value of a field, or one near what it is.
    void field(Program& program) {
        const std::uint32_t which = program.one_of(13);
        const std::uint32_t slot = program.one_of(mailbox::kSlots);
        const std::uint8_t how = program.byte();
        mailbox::SlotControl& control = worker_.spy.control(slot);
        std::atomic<std::uint64_t>* const wide[] = {&control.state,
                                                    &control.body_written,
                                                    &control.reply_read,
                                                    &control.reply_written,
                                                    &control.body_read,
                                                    &worker_.spy.order(slot),
                                                    &worker_.spy.order(tail())};
        std::atomic<std::uint32_t>* const narrow[] = {&control.body_end,
                                                      &control.cancelled,
                                                      &control.waiting,
                                                      &worker_.spy.front_line().tail,
                                                      &worker_.spy.front_line().sleeping,
                                                      &worker_.spy.worker_line().head};
        const std::uint64_t given =
            how == 0 ? program.number(8) : static_cast<std::uint64_t>(how - 128);
        if (which < std::size(wide)) {
            wide[which]->store(how == 0 ? given : wide[which]->load() + given);
        } else {
            auto& one = *narrow[which - std::size(wide)];
            one.store(static_cast<std::uint32_t>(how == 0 ? given : one.load() + given));
        }
    }

    // The slot's own request in any state.
    void state(Program& program) {
        const std::uint32_t slot = program.one_of(mailbox::kSlots);
        std::atomic<std::uint64_t>& word = worker_.spy.control(slot).state;
        word.store((word.load() & ~std::uint64_t{0xff}) | program.byte() % 6);
    }

    void ring() {
        worker_.spy.front_line().sleeping.store(0);
        (void)mailbox::send_packet(worker_.side->socket(), {mailbox::PacketKind::ring, 0, 0});
    }
    void leave() { worker_.side->leave(); }

private:
    static constexpr auto kTaken = static_cast<std::uint64_t>(mailbox::SlotState::taken);

    static std::size_t stage_size(const front::testing::FakeWorker& worker) {
        struct stat about {};
        return ::fstat(worker.memory.get(), &about) == 0 ? static_cast<std::size_t>(about.st_size)
                                                         : 0;
    }
    std::uint32_t tail() const { return worker_.spy.front_line().tail.load() - 1; }

    std::size_t place(std::uint32_t area, std::uint32_t slot) const {
        if (area == 0) return 0;
        const char* const start = worker_.spy.head(0).data() - sizeof(mailbox::SlotControl);
        const char* places[] = {reinterpret_cast<const char*>(&worker_.spy.control(slot)),
                                worker_.spy.head(slot).data(),
                                worker_.spy.body_ring(slot).piece(0, 1).data(),
                                worker_.spy.reply_ring(slot).piece(0, 1).data()};
        return mailbox::kSlotsAt + static_cast<std::size_t>(places[area - 1] - start);
    }

    // A record as its header says, or as it lies; told to the front.
    void put(std::uint32_t slot, std::uint32_t kind, std::size_t size, std::string_view payload) {
        const mailbox::Ring ring = worker_.spy.reply_ring(slot);
        const mailbox::Record record{kind, static_cast<std::uint32_t>(size)};
        ring.put(written_[slot], {reinterpret_cast<const char*>(&record), sizeof record});
        ring.put(written_[slot] + sizeof record, payload);
        written_[slot] += mailbox::padded(sizeof record + size, mailbox::kRecordAlign);
        worker_.spy.control(slot).reply_written.store(written_[slot]);
    }

    front::testing::FakeWorker worker_;
    std::size_t size_;
    char* memory_ = nullptr;
    std::array<std::unique_ptr<mailbox::Taken>, mailbox::kSlots> taken_;
    std::array<std::uint64_t, mailbox::kSlots> words_{};    // state when it was taken
    std::array<std::uint64_t, mailbox::kSlots> written_{};  // of its reply
};

}  // namespace mew::fuzz
