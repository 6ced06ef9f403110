#pragma once
// One request and its answer in a front: the request's body until a worker takes it, the answer as
// its records come. Owned by its connection; Dispatch decides which worker gets it.
//
//   collecting > [queued] > posted > [lent] > over     posted > queued (taken back, or its worker
//                                                      died)
//   lent: its connection is the worker's for good, by a relay
//
// Nothing that a worker writes is believed: heads are copied and checked, lengths counted, and what
// is wrong ends this answer and no other.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/intrusive_list.h"
#include "client/body_limit.h"
#include "client/deadlines.h"
#include "front/context.h"
#include "front/relay.h"
#include "http/codec.h"
#include "mailbox/posting_side.h"

namespace mew::front {

class Channel;
class Connection;
struct StreamTag;
struct QueueTag;

class Exchange final : public client::Timed,
                       public base::ListNode<StreamTag>,
                       public base::ListNode<QueueTag> {
public:
    enum class Place : std::uint8_t { collecting, queued, posted, lent, over };

    Exchange(Context& context, Connection& connection, http::StreamId id, http::RequestHead& head);

    http::StreamId id() const { return id_; }
    const http::RequestHead& head() const { return head_; }
    // It outlives the bytes that were received.
    void own_head() { head_.own(); }
    Connection& connection() { return connection_; }
    Place place() const { return place_; }
    bool over() const { return place_ == Place::over; }

    // --- request, by the connection
    void add_body(std::string_view piece);
    void end_body();
    // It will not become whole; `status` says why.
    void break_body(int status);
    bool body_complete() const { return body_complete_; }
    // Does anybody wait for more of it?
    bool awaits_body() const { return !body_complete_ && body_fault_ == 0 && !relay_; }
    std::uint64_t body_received() const { return received_; }
    // May a worker have it now?
    bool ready() const;
    // No more of the body has a place just now.
    bool body_blocked() const;

    // --- by Dispatch and its channels
    mailbox::Request request();
    void on_queued(base::MonotonicTime now);
    void on_posted(Channel& channel, std::uint32_t slot);
    // Taken back: it may be posted again, as it was.
    void on_unposted() { channel_ = nullptr; }
    Channel* channel() const { return channel_; }
    std::uint32_t slot() const { return slot_; }
    base::MonotonicTime queued_since() const { return queued_since_; }
    // To run it twice is no more than to run it once (RFC 9110 9.2.1).
    bool is_safe() const;
    // Can it be run by another worker, its first one dead?
    bool may_run_again() const;
    void note_retry() { retried_ = true; }
    // The worker has taken body out of the ring.
    void feed();
    // Bytes of the body that came, and that its sender was not told that there is room for again.
    std::uint64_t take_credit() {
        return std::exchange(uncredited_, 0) + (relay_ ? relay_->take_credit() : 0);
    }
    void on_limit(client::Limit limit) override;

    // --- answer
    enum class Took : std::uint8_t { record, hold };
    // Any record but the last. `hold`: not now; nothing was taken. `done`: the worker is through,
    // and what is left of its answer would only keep it from others.
    Took take(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece,
              bool done);
    // A file that a `file` record is about comes before it.
    void take_file(os::Fd file) { file_ = std::move(file); }
    // What the records of one look brought goes to the client.
    void flush();
    // The last record came: the worker is through. `failure`: 0, or the status to answer with.
    void on_last(int failure);
    void fail(int status);
    // An answer of ours instead; `retry_after` in seconds.
    void answer(int status, unsigned retry_after = 0);
    // To another URI, for good.
    void redirect(const std::string& uri);
    bool sends_file() const { return file_left_ != 0; }
    // More of it waits here, in a file of the app's or behind what its codec keeps?
    bool sends_rest() const { return file_left_ != 0 || (backlog_ && !backlog_->empty()); }
    bool started() const { return started_; }
    void resume();

    // Has the app its client's connection?
    bool lent() const { return lent_; }
    // --- where it has it by a relay
    Relay* relay() { return relay_.get(); }
    // Bytes that its client's side takes now.
    std::size_t relay_room() const;
    void on_worker_bytes(std::string_view bytes);
    // Nothing more comes from the worker; `wholly`: nor does anything go to it.
    void on_worker_end(bool wholly);
    // What its client sends has a place again.
    void on_relay_room();

    // Its connection lets it go; it lives to the end of the event.
    void forget();

    // After it: may the connection carry another request?
    bool keeps_connection() const { return !must_close_; }
    bool broke_by_close() const { return aborted_ && plan_.ends_by_close; }

    // How long its client takes, where several share a connection: the connection's to use.
    client::BodyLimit body_limit;
    client::Pace send_pace;
    std::uint64_t answer_sent = 0;  // bytes of body
    std::uint64_t answer_seen = 0;  // of them, when it was last looked

private:
    bool is_whole_in_memory() const;
    bool share_body();
    void lose_body(std::string_view why);
    bool read_head(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece,
                   bool& wants_close);
    void take_head(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece);
    void take_trailers(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece);
    void take_hints(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece);
    void start();
    void take_body(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece);
    void put(std::string_view bytes);
    void put_within(std::string_view bytes);
    void encode(std::string_view piece);
    void pump_backlog();
    bool may_take_body() const;
    bool may_read_file() const;
    void add_transport_security();
    void begin_file(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece);
    void take_file_bytes(std::string_view bytes);
    bool pump_file();
    void load_file(std::size_t most);
    void lend(const mailbox::PostingSide& side, const mailbox::PostingSide::Piece& piece);
    bool may_be_lent() const;
    bool needs_relay() const;
    void take_accept_head(std::string_view bytes);
    bool hand_connection_over();
    bool hand_relay_over();
    void end_lent();
    void go_on();
    bool streams() const { return plan_.length == UINT64_MAX; }
    void finish();
    void end();
    void give_up_answer(std::string_view why);
    bool is_sure_of_the_rest() const;
    bool ends_connection() const;
    std::uint64_t room() const;

    Context& context_;
    Connection& connection_;
    http::RequestHead& head_;
    http::StreamId id_;
    Place place_ = Place::collecting;
    Channel* channel_ = nullptr;
    std::uint32_t slot_ = 0;
    base::MonotonicTime queued_since_{};
    bool retried_ = false;
    bool forgotten_ = false;

    bool has_body_;
    bool streamed_ = false;  // its body goes to the worker as it comes
    bool body_complete_ = false;
    int body_fault_ = 0;
    std::uint64_t received_ = 0;
    std::uint64_t uncredited_ = 0;
    std::unique_ptr<Spill> body_;          // what no worker has taken out yet
    std::optional<Spill::Shared> shared_;  // all of it, as a file
    bool body_loading_ = false;

    http::BodyPlan plan_;
    std::uint64_t body_sent_ = 0;
    bool started_ = false;
    bool continued_ = false;
    bool must_close_ = false;
    bool aborted_ = false;
    bool lent_ = false;             // the app has the client's connection
    std::unique_ptr<Relay> relay_;  // or what stands for it
    // Of an answer that goes faster than its client lets it: behind what its codec keeps.
    std::unique_ptr<Spill> backlog_;
    bool backlog_loading_ = false;
    os::Fd file_;
    std::uint64_t file_offset_ = 0;
    std::uint64_t file_left_ = 0;
    FileReader::Ticket file_ticket_;
    bool file_loading_ = false;
    std::optional<int> last_;  // of on_last(): what comes behind the file
};

}  // namespace mew::front
