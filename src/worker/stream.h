#pragma once
// The exchange in progress on a direct connection: its request body as it arrives, its answer as it
// leaves. Owned by the connection, which feeds it from the codec; used by the app bridge, on the
// thread of the core that runs the exchange. While it runs, only that thread touches it.

#include <cstdint>
#include <string>
#include <string_view>

#include "http/codec.h"
#include "http/exchange.h"
#include "worker/answer_body.h"
#include "worker/context.h"

namespace mew::worker {

class Connection;

class Stream final : public http::BodySource, public http::ResponseSink {
public:
    Stream(Connection& connection, const Settings& settings, const std::atomic<Phase>& phase)
        : connection_(connection), settings_(settings), phase_(phase) {}

    // --- fed by the connection -------------------------------------------------------------
    void begin(http::StreamId id, http::RequestHead& head);
    void add_body(std::string_view piece);
    void end_body() { body_complete_ = true; }
    void break_body(int status, std::string_view reason);
    void lose_body(std::string_view reason);  // the client left in it
    // It left, and the exchange goes on: nothing is sent any more.
    void lose_client();
    // Is there anything for read(), were it only the end?
    bool readable() const { return !body_.empty() || body_broken_ || body_complete_; }
    // The app is about to run on `core`; nullptr: it has ended.
    void set_core(Core* core) { core_ = core; }
    Core* core() { return core_; }
    // The exchange is over, answered or not; what comes of the body from now on is dropped.
    void close();

    bool open() const { return head_ != nullptr; }
    const http::RequestHead& head() const { return *head_; }
    void own_head() { head_->own(); }
    bool body_complete() const { return body_complete_; }
    std::size_t buffered_body() const { return body_.size(); }
    // May the app be called now, or is more of the body awaited?
    bool ready(std::size_t awaited) const;
    std::optional<std::uint64_t> body_size() const;
    http::BodySource* body() { return has_body_ ? this : nullptr; }
    // After the app: true if the connection may carry another request.
    bool keeps_connection() const { return !must_close_; }
    // The answer broke, and a plain end of the connection would hide it.
    bool broke_by_close() const { return aborted_ && plan_.ends_by_close; }
    bool client_gone() const { return client_gone_; }
    // Its connection was taken over: there is none left to answer on.
    bool detached() const { return detached_; }
    std::uint64_t unread_bytes() const;
    std::string_view buffered() const { return body_; }
    std::uint64_t body_received() const { return body_received_; }
    // What an exchange counts for the board; the loop adds it up when the exchange is over.
    struct Counts {
        std::uint64_t received = 0;  // body bytes read while the app ran
        std::uint64_t body_timeouts = 0;
        std::uint64_t slow_clients = 0;  // below http-min-rate
        std::uint64_t send_timeouts = 0;
        bool app_failed = false;
        bool body_lost = false;  // the client left in it
    };
    Counts& counts() { return counts_; }
    // For the access log.
    int status() const { return status_; }
    std::uint64_t body_sent() const { return answer_.sent(); }
    std::uint64_t head_bytes() const { return head_bytes_; }
    std::size_t header_count() const { return header_count_; }

    // --- BodySource --------------------------------------------------------------------------
    base::Result<std::string_view, http::BodyFailure> read() override;
    bool ready() override;
    bool at_end() override { return body_complete_ && body_.empty(); }

    // --- ResponseSink ------------------------------------------------------------------------
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
    bool may_detach() const override;
    base::Result<http::Detached> detach(http::Detach how) override;

private:
    void go_on();
    base::Result<void> gone();
    base::Result<void> write_piece(std::string_view bytes);
    base::Result<void> send_file_piece(int fd, std::uint64_t offset, std::uint64_t size);
    void send_own_answer(int status);

    Connection& connection_;
    const Settings& settings_;
    const std::atomic<Phase>& phase_;
    Core* core_ = nullptr;

    http::RequestHead* head_ = nullptr;
    http::StreamId id_ = 0;
    bool has_body_ = false;
    bool body_complete_ = false;
    bool body_broken_ = false;
    bool continue_sent_ = false;
    bool dropping_body_ = false;
    http::BodyFailure failure_;
    std::uint64_t body_received_ = 0;
    std::string body_;       // received, not yet asked for
    std::string body_read_;  // lent to the app until its next read

    http::BodyPlan plan_;
    AnswerBody answer_;
    bool started_ = false;
    bool finished_ = false;
    bool must_close_ = false;
    bool aborted_ = false;
    bool client_gone_ = false;
    bool detached_ = false;
    int status_ = 0;
    std::uint64_t head_bytes_ = 0;
    std::size_t header_count_ = 0;
    Counts counts_;
};

}  // namespace mew::worker
