#pragma once
// The front's end of a channel: posts requests, takes them back while nobody has begun with them,
// feeds their bodies, reads the records of their answers. Trusts nothing that the worker writes:
// what cannot be makes the whole channel broken, and its owner lets it go.
//
// Used by the front's loop alone; never waits.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/request_head.h"
#include "mailbox/channel.h"

namespace mew::mailbox {

struct Request {
    const http::RequestHead& head;
    std::string_view address;  // of the client's connection, as text
    std::string_view port;
    std::uint64_t connection = 0;
    std::uint32_t listener = 0;
    BodyWay body = BodyWay::none;
    std::optional<std::uint64_t> body_size;  // of all of it, where that is known
    std::string_view body_bytes;             // ring: what is there already, as far as it fits
    bool body_complete = false;              // ring: and that is all
    int file = -1;                           // file: all of it, from its start
    bool may_lend = false;                   // the app may take the connection over
};

class PostingSide {
public:
    PostingSide(Channel channel, os::Fd socket)
        : channel_(std::move(channel)), socket_(std::move(socket)), slots_(channel_.slots()) {}

    int socket() const { return socket_.get(); }
    std::uint32_t slots() const { return channel_.slots(); }
    // No slot at or behind it is in use.
    std::uint32_t used_to() const { return used_to_; }

    // The slot that it is in; nothing: there is no room just now, or for this request ever
    // (`fits`). Does not ring: see ring().
    std::optional<std::uint32_t> post(const Request& request);
    bool fits(const http::RequestHead& head) const;
    // For one more request, of any size that fits.
    bool has_room();
    // Tells the worker of what was posted, if it sleeps, once for many. False: it is awake.
    bool ring();
    // A slot was marked for the worker's loop: that takes a ring().
    bool must_ring() const { return woke_loop_; }
    // True: the worker has not begun and never will; the slot is free again.
    bool revoke(std::uint32_t slot);
    // Has the worker begun with it? Once it has, it has for good: what was given to it since, or
    // came from it, cannot be undone, whatever it writes into the state.
    bool taken(std::uint32_t slot);
    // It says that it has written its last record.
    bool done(std::uint32_t slot) const;
    // Nobody waits for the answer any more; it still has to be read to its end.
    void cancel(std::uint32_t slot);
    // Its client sends nothing more, and may still want the answer.
    void end_input(std::uint32_t slot);

    // --- body, where it goes by the ring
    std::size_t body_room(std::uint32_t slot);
    void write_body(std::uint32_t slot, std::string_view bytes);
    // More waits to be written: that the worker has room for it is news.
    void want_room(std::uint32_t slot, bool on) { slots_[slot].wants_room = on; }
    // The client's connection, to an app that asked for it. False: it cannot be sent just now.
    bool lend(std::uint32_t slot, int socket);
    // kBodyComplete, or the status of what went wrong.
    void end_body(std::uint32_t slot, std::uint32_t how);

    // --- answer
    struct Piece {
        RecordKind kind = RecordKind::end;
        std::uint32_t size = 0;      // of the payload
        std::uint64_t position = 0;  // of the payload
    };
    enum class Look : std::uint8_t { record, nothing, broken };
    // The next record. After `end` or `fail` the slot is to be freed.
    Look look(std::uint32_t slot, Piece& piece);
    void copy(std::uint32_t slot, const Piece& piece, char* to) const;
    // The payload where it lies: one or two pieces. The worker can still change the bytes.
    std::array<std::string_view, 2> view(std::uint32_t slot, const Piece& piece) const;
    // Done with the record; its room is the worker's again with give_credit().
    void consume(std::uint32_t slot, const Piece& piece);
    void give_credit(std::uint32_t slot);
    void free(std::uint32_t slot);
    // Are there records that were not looked at?
    bool has_news(std::uint32_t slot) const;
    // They are left where they are for now, which holds the worker back: no reason to stay awake.
    void hold(std::uint32_t slot, bool on) { slots_[slot].held = on; }

    // --- waiting
    // Before the loop waits; false: there are news already.
    bool prepare_sleep();
    void awake() { channel_.front_line().sleeping.store(0, std::memory_order_relaxed); }

    bool in_use(std::uint32_t slot) const { return slots_[slot].used; }
    std::uint32_t used() const { return used_; }
    std::uint64_t sequence(std::uint32_t slot) const { return slots_[slot].sequence; }
    bool broken() const { return broken_; }

private:
    struct Own {
        std::uint64_t sequence = 0;
        std::uint64_t reply_read = 0;
        std::uint64_t credited = 0;  // reply_read as the worker knows it
        std::uint64_t body_written = 0;
        bool used = false;
        bool begun = false;
        bool held = false;
        bool wants_room = false;
    };

    std::optional<std::uint32_t> free_slot();
    void write_frame(std::uint32_t slot, const Request& request);
    void release(std::uint32_t slot);
    bool is_reason_to_wake(std::uint32_t slot);
    void wake(std::uint32_t slot);

    Channel channel_;
    os::Fd socket_;
    std::vector<Own> slots_;       // as many as the channel has
    std::uint32_t used_to_ = 0;    // none at or behind it is used
    std::uint32_t free_from_ = 0;  // none before it is free
    std::uint32_t used_ = 0;
    std::uint32_t tail_ = 0;
    std::uint64_t next_sequence_ = 1;
    bool broken_ = false;
    bool woke_loop_ = false;
};

}  // namespace mew::mailbox
