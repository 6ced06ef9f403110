#include "worker/routed_exchange.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "http/status.h"
#include "mailbox/reply_head.h"

namespace mew::worker {

namespace {

using mailbox::RecordKind;
using mailbox::Taken;

constexpr std::size_t kMostHead = mailbox::kReplyRing - mailbox::kRecordAlign;
// Numbers of connections of one channel.
constexpr unsigned kConnectionBits = 40;

std::string_view failure_text(std::uint32_t status) {
    if (status == 408) return "the client was too slow with the body";
    if (status == 413) return "the body is too large";
    return "the client left in the middle of the body, or it is malformed";
}

mailbox::Lend lend_of(http::Detach how) {
    return how == http::Detach::for_good ? mailbox::Lend::for_good : mailbox::Lend::until_end;
}

template <class T>
std::string_view bytes_of(const T& value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

}  // namespace

bool RoutedExchange::open(Taken taken, std::uint64_t channel) {
    taken_ = std::make_unique<Taken>(std::move(taken));
    const bool read = read_request(channel);
    if (!read) taken_.reset();
    return read;
}

bool RoutedExchange::read_request(std::uint64_t channel) {
    lent_ = 0;
    file_read_ = 0;
    answer_ = AnswerBody{};
    late_end_.reset();
    body_was_.reset();
    started_ = finished_ = client_gone_ = continued_ = detached_ = app_failed_ = false;
    awaits_connection_ = false;
    connection_.reset();
    goes_on_ = closing_ = wants_body_ = wants_room_ = false;
    status_ = 0;
    head_bytes_ = headers_ = 0;
    core_ = nullptr;
    if (!taken_->read_head(head_)) return false;
    const mailbox::RequestFrame& frame = taken_->frame();
    if (frame.listener >= context_.settings.listeners.size()) return false;
    const std::uint64_t number = frame.connection & ((std::uint64_t{1} << kConnectionBits) - 1);
    peer_ = {taken_->address(), taken_->port(), channel << kConnectionBits | number,
             frame.listener};
    return frame.body != mailbox::BodyWay::file || taken_->file() >= 0;
}

http::Ran RoutedExchange::run_app(Core& core) {
    core_ = &core;
    const mailbox::RequestFrame& frame = taken_->frame();
    const bool has_body = frame.body != mailbox::BodyWay::none;
    std::optional<std::uint64_t> size;
    if (has_body && frame.body_known != 0) size = frame.body_size;
    http::Exchange& exchange = exchange_.emplace(head_, peer_, has_body ? this : nullptr, size,
                                                 *this, core.number, false, this, nullptr);
    const http::Ran ran = core.bridge.run(exchange);
    // On a pool's thread it never does, and the loop may be looking.
    if (!core.waits) goes_on_ = ran == http::Ran::goes_on;
    if (ran == http::Ran::goes_on) taken_->end_with_input(exchange.ends_with_input);
    if (ran != http::Ran::done) return ran;
    complete();
    // The app is done, and records wait for room.
    if (!kept_.empty()) {
        goes_on_ = closing_ = true;
        return http::Ran::goes_on;
    }
    // On the loop's thread, the loop tells of several at once.
    if (core.waits && context_.core_count > 1) taken_->ring();
    return ran;
}

// Whatever the bridge did: the slot goes back.
void RoutedExchange::complete() {
    app_failed_ = exchange_->app_failed;
    exchange_.reset();
    if (detached_) late_end_ = 0;
    if (!finished_) fail(500);
    if (late_end_) write_end(*std::exchange(late_end_, std::nullopt));
}

void RoutedExchange::end() {
    Outcome outcome{head_, peer_.address};
    outcome.status = status_;
    outcome.head_bytes = head_bytes_;
    outcome.body_bytes = answer_.sent();
    outcome.headers = headers_;
    outcome.core = core_;
    outcome.app_failed = app_failed_;
    outcome.aborted = !detached_ && client_gone_;
    Job::end(context_, outcome);
    base::ListNode<NewsTag>::unlink();
    taken_.reset();
}

mailbox::WaitFrame RoutedExchange::frame() const {
    const WaitHooks& hooks = core_->wait_hooks;
    return {hooks.before_wait, hooks.after_wait, hooks.context};
}

// --- body

void RoutedExchange::go_on() {
    if (!head_.expects_continue || continued_ || started_) return;
    continued_ = true;
    if (put(RecordKind::go_on, {})) (void)flush();
}

base::Result<std::string_view, http::BodyFailure> RoutedExchange::read() {
    if (taken_->frame().body == mailbox::BodyWay::file) return read_file();
    if (lent_ != 0 && !body_was_) taken_->release(std::exchange(lent_, 0));
    for (;;) {
        // The end before the bytes: what was written before it is then seen.
        const std::uint32_t end = body_was_ ? *body_was_ : taken_->body_end();
        const std::string_view piece = body_was_ ? std::string_view{} : taken_->body();
        if (!piece.empty()) {
            lent_ = piece.size();
            return piece;
        }
        if (end == mailbox::kBodyComplete) return std::string_view{};
        if (end != mailbox::kBodyOpen)
            return base::Unexpected<http::BodyFailure>{
                {static_cast<int>(std::clamp(end, 400U, 599U)), failure_text(end)}};
        go_on();
        if (!taken_->await_body(frame()))
            return base::Unexpected<http::BodyFailure>{
                {400, "the client left in the middle of the body"}};
    }
}

base::Result<std::string_view, http::BodyFailure> RoutedExchange::read_file() {
    const std::uint64_t size = taken_->frame().body_size;
    if (file_read_ >= size) return std::string_view{};
    auto& buffer = core_->body_buffer;
    const auto most =
        static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size - file_read_));
    ssize_t got = 0;
    do {
        got = ::pread(taken_->file(), buffer.data(), most, static_cast<off_t>(file_read_));
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return base::Unexpected<http::BodyFailure>{{500, "the file of the body cannot be read"}};
    file_read_ += static_cast<std::uint64_t>(got);
    return std::string_view(buffer.data(), static_cast<std::size_t>(got));
}

// --- answer

base::Result<void> RoutedExchange::gone() {
    client_gone_ = true;
    return base::fail("the client is gone");
}

base::Result<void> RoutedExchange::start(http::ResponseHead& head) {
    scratch_.clear();
    mailbox::append_reply_head(scratch_, head);
    if (scratch_.size() > kMostHead) {
        log::error("answer-head-too-large",
                   "the head of the app's answer to {} {} has {} bytes; more than {} cannot pass",
                   head_.method(), head_.target(), scratch_.size(), kMostHead);
        fail(500);
        return gone();
    }
    const bool has_body = http::status_has_body(head.status) && head_.method() != "HEAD";
    const auto length = head.content_length ? head.content_length : head.implied_length;
    answer_ = AnswerBody(has_body, has_body && length ? *length : UINT64_MAX);
    started_ = true;
    status_ = head.status;
    head_bytes_ = scratch_.size();
    headers_ = head.headers.size();
    if (!put(RecordKind::head, scratch_)) return gone();
    return {};
}

// Clients of HTTP/1.1 are not sure to know what it is (RFC 8297 2).
bool RoutedExchange::takes_hints() const { return head_.version >= http::Version::http2; }

void RoutedExchange::hint(const http::ResponseHead& hints) {
    if (started_ || client_gone_ || !takes_hints()) return;
    scratch_.clear();
    mailbox::append_reply_head(scratch_, hints);
    if (scratch_.size() > kMostHead) return;
    if (!put(RecordKind::hints, scratch_)) client_gone_ = true;
    (void)flush();
}

void RoutedExchange::trailers(const http::ResponseHead& fields) {
    if (!started_ || finished_ || client_gone_) return;
    scratch_.clear();
    mailbox::append_reply_head(scratch_, fields);
    if (scratch_.size() > kMostHead) return;
    if (!put(RecordKind::trailers, scratch_)) client_gone_ = true;
}

base::Result<void> RoutedExchange::write(std::string_view bytes) {
    if (client_gone_) return gone();
    bytes = bytes.substr(0, answer_.fit(head_, bytes.size()));
    answer_.add(bytes.size());
    while (!bytes.empty()) {
        const std::string_view piece = bytes.substr(0, Taken::kMostBody);
        if (!put(RecordKind::body, piece)) return gone();
        bytes.remove_prefix(piece.size());
    }
    return {};
}

// Where nothing waits, the end of the loop's turn rings for all.
base::Result<void> RoutedExchange::flush() {
    if (client_gone_) return gone();
    if (core_->waits)
        taken_->ring();
    else
        context_.ask_for_turn();
    return {};
}

base::Result<void> RoutedExchange::send_file(int fd, std::uint64_t offset, std::uint64_t size) {
    if (client_gone_) return gone();
    size = answer_.fit(head_, size);
    if (size == 0) return {};
    if (!core_->waits || !taken_->write_file(fd, offset, size, frame()))
        return send_by_reading(fd, offset, size);
    answer_.add(size);
    return {};
}

base::Result<void> RoutedExchange::send_by_reading(int fd, std::uint64_t offset,
                                                   std::uint64_t size) {
    auto& buffer = core_->body_buffer;
    while (size != 0) {
        const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size));
        const ssize_t got = ::pread(fd, buffer.data(), most, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return {};  // shorter than it said: finish() sees it
        const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
        if (auto written = write(bytes); !written) return written;
        offset += bytes.size();
        size -= bytes.size();
    }
    return {};
}

bool RoutedExchange::finish() {
    if (finished_) return true;
    if (!client_gone_ && !answer_.complete()) {
        fail(500);
        return false;
    }
    finished_ = true;
    end_answer(0);
    return true;
}

// With the last record the slot is the front's, and soon another request's: what the app may still
// read lies in there.
bool RoutedExchange::body_may_be_looked_at() const {
    if (taken_->frame().body != mailbox::BodyWay::ring) return false;
    return lent_ != 0 || taken_->body_end() == mailbox::kBodyOpen || !taken_->body().empty();
}

void RoutedExchange::end_answer(int failure) {
    if (body_may_be_looked_at())
        late_end_ = failure;
    else
        write_end(failure);
}

// `failure`: 0, or the status for the client.
void RoutedExchange::write_end(int failure) {
    // From here on the slot may be another request's.
    body_was_ = taken_->body_end();
    client_gone_ = client_gone_ || taken_->cancelled();
    const mailbox::FailPart part{static_cast<std::uint32_t>(failure), 0};
    const RecordKind kind = failure == 0 ? RecordKind::end : RecordKind::fail;
    const std::string_view payload = failure == 0 ? std::string_view{} : bytes_of(part);
    if (core_->waits)
        (void)taken_->finish(kind, payload, frame());
    else
        (void)put(kind, payload);
}

base::Result<http::Detached> RoutedExchange::detach(http::Detach how) {
    if (!may_detach() || finished_)
        return base::fail("the connection cannot be taken over: its answer began already");
    http::Detached taken;
    os::Fd socket = std::move(connection_);
    if (core_->waits)
        socket = taken_->borrow(lend_of(how), taken.unread, frame());
    else
        taken.unread = std::move(unread_);
    if (!socket) return base::fail("the connection cannot be taken over: its client is gone");
    const int flags = ::fcntl(socket.get(), F_GETFL);
    const int wanted = how == http::Detach::for_good ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (flags < 0 || ::fcntl(socket.get(), F_SETFL, wanted) != 0)
        return base::fail_errno("cannot set the mode of the client's socket");
    taken.fd = socket.release();
    // Whatever the app still says of an answer is dropped; run_app() gives the connection back.
    detached_ = started_ = finished_ = client_gone_ = true;
    status_ = 101;
    return taken;
}

void RoutedExchange::fail(int status) {
    if (finished_) return;
    finished_ = true;
    if (!started_) status_ = status;
    end_answer(status);
}

}  // namespace mew::worker
