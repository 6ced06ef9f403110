#pragma once
// A front's side of one worker: its mailbox, and which exchange is in which slot. Lives until the
// worker, or the front, lets the channel go.
//
// How many requests it gets ahead (depth) follows from how long its calls take: while they are
// short, several lie ready and a doorbell serves many; once one lasts, only the next.

#include <array>
#include <cstdint>
#include <vector>

#include "control/worker_id.h"
#include "front/context.h"
#include "front/exchange.h"
#include "mailbox/posting_side.h"

namespace mew::front {

using control::WorkerId;

class Channel final : public net::EventHandler {
public:
    // A request that waits so long behind another one's call goes to somebody else.
    static constexpr base::Milliseconds kPatience{1};

    // `cores`: how many requests the worker runs at once.
    Channel(Context& context, WorkerId worker, std::uint32_t cores, mailbox::Channel memory,
            os::Fd socket);
    ~Channel() override;
    base::Result<void> open();

    const WorkerId& worker() const { return worker_; }
    mailbox::PostingSide& side() { return side_; }
    bool leaving() const { return leaving_; }
    bool idle() const { return side_.used() == 0; }
    std::uint32_t used() const { return side_.used(); }
    // Takes one more now?
    bool has_room() { return !leaving_ && !refused_ && side_.used() < depth_ && side_.has_room(); }
    // Is there anything to read, or to find out?
    bool needs_look() const { return !idle() || side_.broken(); }

    // False: it cannot be posted here; has_room() says so until the end of this turn.
    bool post(Exchange& exchange);
    // Rings for what was posted in this turn, and says how soon it should be begun.
    enum class Posted : std::uint8_t { nothing, to_idle, to_busy };
    Posted end_turn();
    // Nobody waits for this answer any more.
    void abandon(std::uint32_t slot);
    // Nothing more of this answer is anybody's; its worker is not told to stop.
    void let_go(std::uint32_t slot);
    // Its client sends nothing more.
    void end_input(std::uint32_t slot) { side_.end_input(slot); }
    // The client takes more of this answer.
    void resume(std::uint32_t slot);
    // Reads what the worker has written.
    void read();
    // Takes back what was posted `patience` ago and not begun, into `taken`, in their order; `any`:
    // though nothing runs there.
    void take_back(base::MonotonicTime now, bool all, bool any);
    // What is posted and not begun: old after kPatience.
    enum class Untaken : std::uint8_t { none, fresh, old };
    Untaken untaken(base::MonotonicTime now);

    void on_event(std::uint32_t events) override;
    // The worker is gone: its exchanges, the oldest first.
    struct Left {
        Exchange* exchange;
        bool taken;
    };
    std::vector<Left> take_all();
    void close();
    bool closed() const { return closed_; }

private:
    struct Held {
        Exchange* exchange = nullptr;
        base::MonotonicTime posted{};
        os::Fd file;  // came by the socket, not asked for yet
        bool held = false;
        bool taken = false;
    };

    bool runs_something();
    bool hear(mailbox::Hear how);
    void read_slot(std::uint32_t slot);
    void finish_slot(std::uint32_t slot, const mailbox::PostingSide::Piece& piece);
    bool hand_over_file(std::uint32_t slot);
    void note_service(const Held& held);
    void break_off(const char* what);

    Context& context_;
    WorkerId worker_;
    mailbox::PostingSide side_;
    std::vector<Held> held_;  // by slot
    std::uint32_t least_depth_;
    std::uint32_t depth_;
    base::MonotonicTime last_done_{};
    bool leaving_ = false;
    bool posted_ = false;   // in this turn
    bool refused_ = false;  // in this turn: a file could not be sent
    bool closed_ = false;
};

}  // namespace mew::front
