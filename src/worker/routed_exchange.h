#pragma once
// One exchange of the routed way: a request that was taken from a mailbox, its body as the front
// passes it on, its answer as records. The client's connection is the front's.
//
// begin() and on_core_done() in the loop; everything else on the thread of the core that runs it.
// One that goes on (routed_going_on.cc) never waits: records that the mailbox has no room for are
// kept, and the front says when there are news.

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "http/exchange.h"
#include "mailbox/taking_side.h"
#include "worker/answer_body.h"
#include "worker/job.h"

namespace mew::worker {

class RoutedExchange final : public Job,
                             public base::ListNode<NewsTag>,
                             public http::BodySource,
                             public http::ResponseSink {
public:
    explicit RoutedExchange(Context& context) : context_(context) {}

    // `channel` makes the numbers of connections unique inside this process. False: what was posted
    // is no request.
    bool open(mailbox::Taken taken, std::uint64_t channel);
    // Takes a core; run_app() follows.
    void begin() { Job::begin(context_); }
    // The core is free again.
    void end();
    // Called by on_core_done().
    struct {
        void (*call)(void* owner, RoutedExchange& exchange) = nullptr;
        void* owner = nullptr;
    } done;

    http::Ran run_app(Core& core) override;
    void on_core_done() override { done.call(done.owner, *this); }
    void on_exchange_over() override { end_later(context_, *this); }

    // --- of one that goes on
    bool awaits_connection() const { return awaits_connection_; }
    bool goes_on() const { return goes_on_; }
    std::uint32_t slot() const { return taken_->slot(); }
    // Looks what is new, tells the exchange, and asks for the next news. After that nothing may be
    // known of it any more: it may be over.
    void on_news();
    // The app is done with it. False: records wait for room; on_news() goes on, then `done`.
    bool close();

    base::Result<std::string_view, http::BodyFailure> read() override;
    bool ready() override;
    bool at_end() override;

    base::Result<void> start(http::ResponseHead& head) override;
    base::Result<void> write(std::string_view bytes) override;
    base::Result<void> flush() override;
    base::Result<void> send_file(int fd, std::uint64_t offset, std::uint64_t size) override;
    void trailers(const http::ResponseHead& fields) override;
    bool congested() override;
    bool finish() override;
    void fail(int status) override;
    bool started() const override { return started_; }
    std::uint64_t room() const override { return answer_.room(); }
    bool takes_hints() const override;
    void hint(const http::ResponseHead& hints) override;
    bool may_detach() const override { return taken_->may_be_lent() && !started_; }
    bool begin_detach() override;
    base::Result<http::Detached> detach(http::Detach how) override;

private:
    bool read_request(std::uint64_t channel);
    bool body_may_be_looked_at() const;
    void complete();
    void end_answer(int failure);
    void write_end(int failure);
    bool put(mailbox::RecordKind kind, std::string_view payload);
    bool write_kept();
    std::uint64_t room_for_kept() const;
    void tell_later();
    bool look_for_connection();
    void lose_client();
    base::Result<void> gone();
    base::Result<void> send_by_reading(int fd, std::uint64_t offset, std::uint64_t size);
    base::Result<std::string_view, http::BodyFailure> read_file();
    void go_on();
    mailbox::WaitFrame frame() const;

    Context& context_;
    std::unique_ptr<mailbox::Taken> taken_;   // while it is open: it keeps the channel
    std::optional<http::Exchange> exchange_;  // while the app has it
    http::RequestHead head_;
    http::Peer peer_;
    Core* core_ = nullptr;
    std::string scratch_;
    std::size_t lent_ = 0;         // bytes of the ring that the app may still look at
    std::uint64_t file_read_ = 0;  // body from a file
    AnswerBody answer_;
    bool started_ = false;
    bool finished_ = false;
    std::optional<int> late_end_;            // what write_end() is for, after the call
    std::optional<std::uint32_t> body_was_;  // how the body ended, once the slot is the front's
    bool client_gone_ = false;
    bool continued_ = false;
    bool detached_ = false;
    bool awaits_connection_ = false;  // it was asked for
    os::Fd connection_;               // it came
    std::string unread_;              // with it
    bool goes_on_ = false;
    bool closing_ = false;     // the app is done with it, and records wait for room
    bool wants_body_ = false;  // the exchange is told of more
    bool wants_room_ = false;  // and of room
    struct Kept {
        mailbox::RecordKind kind;
        std::string payload;
    };
    std::deque<Kept> kept_;  // records that the mailbox has no room for
    std::size_t kept_bytes_ = 0;
    bool app_failed_ = false;
    int status_ = 0;
    std::size_t head_bytes_ = 0;
    std::size_t headers_ = 0;
};

}  // namespace mew::worker
