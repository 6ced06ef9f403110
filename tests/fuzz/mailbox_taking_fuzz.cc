// A hostile front at a worker's end of a channel: it posts what is a request and then anything
// else, over it, beside it and by the socket. A worker refuses a frame or gets texts that lie
// inside of it, its views of a body stay inside of the ring, and it never waits here, as nobody
// would wake it. What an input is: `step`.

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "fuzz/odd_files.h"
#include "fuzz/pieces.h"
#include "fuzz/program.h"
#include "mailbox/posting_side.h"
#include "mailbox/taking_side.h"

namespace {

using namespace mew::mailbox;  // NOLINT(google-build-using-namespace): all of it
using mew::fuzz::OddFiles;
using mew::fuzz::Program;
using mew::os::Fd;

constexpr std::uint32_t kHeadBytes = 4096;
constexpr int kMostSteps = 300;
const WaitFrame kNoFrame;

void require(bool holds, const char* promise) {
    mew::fuzz::require(holds, promise, [] { return std::string(); });
}

// Reads each byte: what lies outside of where it may lie shows.
void touch(std::string_view text) {
    volatile char last = 0;
    for (const char c : text) last = c;
    (void)last;
}

struct Exchange {
    explicit Exchange(Taken the_taken) : taken(std::move(the_taken)) {}
    Taken taken;
    mew::http::RequestHead head;
    std::size_t written = 0;
};

class Play {
public:
    Play() {
        auto memory = make_channel(kHeadBytes);
        int pair[2] = {-1, -1};
        require(memory && ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0,
                "no channel");
        memory_ = *std::move(memory);
        spy_ = *Channel::attach(memory_.get());
        posting_ = std::make_unique<PostingSide>(*Channel::attach(memory_.get()), Fd(pair[0]));
        taking_ = std::make_unique<TakingSide>(*Channel::attach(memory_.get()), Fd(pair[1]));
    }

    void run(Program& program) {
        for (int steps = 0; steps < kMostSteps && !program.empty(); ++steps) step(program);
    }

private:
    void step(Program& program) {
        switch (program.one_of(14)) {
            case 0:
                return post(program);
            case 1:
                return poke(program);
            case 2:
                return field(program);
            case 3:
                return packet(program);
            case 4:
                return read_answers(program);
            case 5:
                return posting_.reset();
            case 6:
                return take();
            case 7:
                return sleep();
            case 8:
                return taking_->leave();
            default:
                return exchange_step(program);
        }
    }

    // --- the front

    void post(Program& program) {
        if (!posting_) return;
        const std::uint8_t flags = program.byte();
        const std::string body(program.word() % 5000, 'b');
        const std::string text = "POST /path HTTP/1.1\r\nHost: x\r\n\r\n";
        mew::http::RequestHead head;
        head.set_block(text.data(), text.size());
        head.method_slice = {0, 4};
        head.target_slice = head.path_slice = {5, 5};
        head.fields().push_back({{21, 4}, {27, 1}, mew::http::FieldName::host, true});
        if ((flags & 4) != 0) head.variables().push_back({{0, 4}, {5, 5}});
        Request request{head, "192.0.2.1", "1234"};
        request.body = static_cast<BodyWay>((flags & 3) % 3);
        request.body_bytes = body;
        request.body_complete = (flags & 8) != 0;
        request.may_lend = (flags & 16) != 0;
        request.file = OddFiles::get(1);
        const auto slot = posting_->post(request);
        if (slot && (flags & 32) != 0) (void)posting_->revoke(*slot);
    }

    void poke(Program& program) {
        const std::uint32_t area = program.one_of(3);
        const std::uint32_t slot = program.one_of(kSlots);
        const std::size_t at = program.word();
        const std::string_view bytes = program.text();
        if (area == 2) {
            (void)::pwrite(memory_.get(), bytes.data(), bytes.size(),
                           static_cast<off_t>(at % kPage));
            return;
        }
        const std::span<char> part =
            area == 0 ? spy_.head(slot) : spy_.body_ring(slot).piece(0, kBodyRing);
        if (at + bytes.size() <= part.size())
            std::memcpy(part.data() + at, bytes.data(), bytes.size());
    }

    void field(Program& program) {
        const std::uint32_t which = program.one_of(9);
        const std::uint32_t slot = program.one_of(kSlots);
        const std::uint8_t how = program.byte();
        const std::uint64_t given =
            how == 0 ? program.number(8) : static_cast<std::uint64_t>(how - 128);
        SlotControl& control = spy_.control(slot);
        FrontLine& line = spy_.front_line();
        std::atomic<std::uint64_t>* const wide[] = {&control.state, &control.body_written,
                                                    &control.reply_read, &spy_.order(slot)};
        std::atomic<std::uint32_t>* const narrow[] = {&control.body_end, &control.cancelled,
                                                      &control.waiting, &line.tail, &line.sleeping};
        if (which < std::size(wide)) {
            wide[which]->store(how == 0 ? given : wide[which]->load() + given);
        } else {
            auto& one = *narrow[which - std::size(wide)];
            one.store(static_cast<std::uint32_t>(how == 0 ? given : one.load() + given));
        }
    }

    void packet(Program& program) {
        const int fd = OddFiles::get(program.byte());
        const Packet packet{static_cast<PacketKind>(program.byte() % 4), program.byte(),
                            program.byte()};
        if (posting_) (void)send_packet(posting_->socket(), packet, fd);
        (void)taking_->hear();
    }

    // As a front of ours does.
    void read_answers(Program& program) {
        const std::uint32_t slot = program.one_of(kSlots);
        PostingSide::Piece piece;
        if (!posting_ || !posting_->in_use(slot)) return;
        while (posting_->look(slot, piece) == PostingSide::Look::record) {
            for (const std::string_view part : posting_->view(slot, piece)) touch(part);
            posting_->consume(slot, piece);
        }
        posting_->give_credit(slot);
    }

    // --- the worker

    void take() {
        auto taken = taking_->take();
        if (!taken) return;
        auto& place = exchanges_[next_++ % exchanges_.size()];
        place = std::make_unique<Exchange>(*std::move(taken));
    }

    void sleep() {
        while (taking_->take()) {
        }
        require(taking_->prepare_sleep(), "a worker never rests");
        taking_->awake();
        taking_->ring();
    }

    void exchange_step(Program& program) {
        const std::uint32_t what = program.one_of(7);
        Exchange* const exchange = exchanges_[program.one_of(4)].get();
        const std::size_t size = program.word();
        if (exchange == nullptr) return;
        Taken& taken = exchange->taken;
        switch (what) {
            case 0:
                return read_head(*exchange);
            case 1:
                return read_body(taken, size);
            case 2:
                (void)taken.cancelled();
                return taken.ring();
            case 3:
                return write(*exchange, RecordKind::body, size % Taken::kMostBody);
            case 4:
                if (!fits(*exchange, sizeof(FilePart))) return;
                (void)taken.write_file(OddFiles::get(1), 0, size, kNoFrame);
                return;
            case 5:
                return borrow(*exchange);
            default:
                if (fits(*exchange, 0)) (void)taken.finish(RecordKind::end, {}, kNoFrame);
                return;
        }
    }

    static void read_head(Exchange& exchange) {
        if (!exchange.taken.read_head(exchange.head)) return;
        const mew::http::RequestHead& head = exchange.head;
        for (const std::string_view text :
             {head.method(), head.target(), head.path(), head.query(), head.authority(),
              head.script_name(), head.client_address(), head.block()})
            touch(text);
        for (const auto& field : head.fields()) {
            touch(head.name(field));
            touch(head.value(field));
            require(field.id < mew::http::FieldName::count, "a field of no name");
            touch(field.cgi ? "yes" : "no");
        }
        for (const auto& variable : head.variables()) {
            touch(head.text(variable.name));
            touch(head.text(variable.value));
        }
        touch(exchange.taken.address());
        touch(exchange.taken.port());
        const bool facts[] = {
            head.keep_alive, head.expects_continue, head.absolute_target, head.path_decoded,
            head.https,      head.server_wide,      head.connects};
        for (const bool fact : facts) touch(fact ? "yes" : "no");
    }

    static void read_body(Taken& taken, std::size_t size) {
        const std::string_view piece = taken.body();
        require(piece.size() <= kBodyRing, "more body than there is room for");
        touch(piece);
        taken.release(std::min(piece.size(), size));
        (void)taken.body_end();
    }

    // With so much room it does not wait, unless the front says that it has read less than nothing.
    bool fits(Exchange& exchange, std::size_t size) const {
        const std::size_t whole = padded(sizeof(Record) + size, kRecordAlign);
        if (exchange.written + whole > kReplyRing) return false;
        for (std::uint32_t slot = 0; slot < kSlots; ++slot)
            if (spy_.control(slot).reply_read.load() > kReplyRing) return false;
        exchange.written += whole;
        return true;
    }
    void write(Exchange& exchange, RecordKind kind, std::size_t size) const {
        const std::string bytes(size, 'b');
        if (fits(exchange, size)) (void)exchange.taken.write(kind, bytes, {}, kNoFrame);
    }
    void borrow(Exchange& exchange) const {
        const bool at_once =
            exchange.taken.cancelled() || exchange.taken.body_end() > kBodyComplete;
        std::string unread;
        if (at_once && fits(exchange, sizeof(LendPart)))
            (void)exchange.taken.borrow(Lend::for_good, unread, kNoFrame);
    }

    Fd memory_;
    Channel spy_;
    std::unique_ptr<PostingSide> posting_;
    std::unique_ptr<TakingSide> taking_;
    std::array<std::unique_ptr<Exchange>, 4> exchanges_;
    std::size_t next_ = 0;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)OddFiles::get(0);
    const int before = mew::fuzz::open_descriptors();
    Program program(data, size);
    std::make_unique<Play>()->run(program);
    require(mew::fuzz::open_descriptors() == before, "descriptors are left open");
    return 0;
}
