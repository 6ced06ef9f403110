#pragma once
// One exchange of the routed way: a request that was taken from a mailbox, its body as the front
// passes it on, its answer as records. The client's connection is the front's.
//
// begin() and on_core_done() in the loop; everything else on the thread of the core that runs it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "http/exchange.h"
#include "mailbox/taking_side.h"
#include "worker/answer_body.h"
#include "worker/job.h"

namespace mew::worker {

class RoutedExchange final : public Job, public http::BodySource, public http::ResponseSink {
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

    void run_app(Core& core) override;
    void on_core_done() override { done.call(done.owner, *this); }

    base::Result<std::string_view, http::BodyFailure> read() override;

    base::Result<void> start(http::ResponseHead& head) override;
    base::Result<void> write(std::string_view bytes) override;
    base::Result<void> flush() override;
    base::Result<void> send_file(int fd, std::uint64_t offset, std::uint64_t size) override;
    bool finish() override;
    void fail(int status) override;
    bool started() const override { return started_; }
    std::uint64_t room() const override { return answer_.room(); }
    bool takes_hints() const override;
    void hint(const http::ResponseHead& hints) override;
    bool may_detach() const override { return taken_->may_be_lent() && !started_; }
    base::Result<http::Detached> detach() override;

private:
    bool read_request(std::uint64_t channel);
    bool body_may_be_looked_at() const;
    void end_answer(int failure);
    void write_end(int failure);
    base::Result<void> gone();
    base::Result<void> send_by_reading(int fd, std::uint64_t offset, std::uint64_t size);
    base::Result<std::string_view, http::BodyFailure> read_file();
    void go_on();
    mailbox::WaitFrame frame() const;

    Context& context_;
    std::unique_ptr<mailbox::Taken> taken_;  // while it is open: it keeps the channel
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
    bool app_failed_ = false;
    int status_ = 0;
    std::size_t head_bytes_ = 0;
    std::size_t headers_ = 0;
};

}  // namespace mew::worker
