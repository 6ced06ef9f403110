#include "worker/stream.h"

#include <algorithm>

#include "base/give_back.h"
#include "http/status.h"
#include "log/log.h"
#include "worker/connection.h"

namespace mew::worker {

namespace {
// From here on a body piece is handed to the kernel where it lies instead of being copied.
constexpr std::size_t kDirectSend = 16384;
}  // namespace

void Stream::begin(http::StreamId id, http::RequestHead& head) {
    head_ = &head;
    id_ = id;
    has_body_ = head.framing != http::BodyFraming::none;
    body_complete_ = body_broken_ = continue_sent_ = dropping_body_ = false;
    body_received_ = 0;
    plan_ = http::BodyPlan{};
    answer_ = AnswerBody{};
    started_ = finished_ = must_close_ = client_gone_ = detached_ = false;
    aborted_ = false;
    status_ = 0;
    head_bytes_ = 0;
    header_count_ = 0;
    counts_ = Counts{};
}

void Stream::add_body(std::string_view piece) {
    body_received_ += piece.size();
    if (!dropping_body_) body_.append(piece);
}

void Stream::break_body(int status, std::string_view reason) {
    body_broken_ = true;
    must_close_ = true;
    failure_ = {status, reason};
}

void Stream::lose_body(std::string_view reason) {
    counts_.body_lost = true;
    break_body(400, reason);
}

void Stream::close() {
    head_ = nullptr;
    base::give_back(body_);
    base::give_back(body_read_);
}

bool Stream::ready(std::size_t awaited) const {
    return body_complete_ || head_->expects_continue || body_.size() >= awaited;
}

std::optional<std::uint64_t> Stream::body_size() const {
    if (!has_body_) return std::nullopt;
    if (head_->framing == http::BodyFraming::length) return head_->content_length;
    return body_complete_ ? std::optional(body_received_) : std::nullopt;
}

std::uint64_t Stream::unread_bytes() const {
    if (body_complete_) return 0;
    if (head_->framing == http::BodyFraming::chunked) return UINT64_MAX;  // nobody knows
    return head_->content_length - body_received_;
}

void Stream::lose_client() {
    if (has_body_ && !body_complete_) lose_body("the client left in the middle of the body");
    (void)gone();
}

// 100 (Continue), once it is asked for.
void Stream::go_on() {
    if (!head_->expects_continue || continue_sent_ || started_) return;
    continue_sent_ = true;
    connection_.codec().encode_continue(id_, core_->out);
    (void)flush();
}

bool Stream::ready() {
    if (readable() || client_gone_) return true;
    go_on();
    connection_.want_body();
    return false;
}

base::Result<std::string_view, http::BodyFailure> Stream::read() {
    while (body_.empty()) {
        if (body_broken_) return base::Unexpected<http::BodyFailure>{failure_};
        if (body_complete_) return std::string_view{};
        go_on();
        connection_.receive_body();
    }
    std::swap(body_, body_read_);
    body_.clear();
    return std::string_view(body_read_);
}

base::Result<void> Stream::gone() {
    client_gone_ = must_close_ = true;
    core_->out.clear();
    return base::fail("the client is gone");
}

base::Result<void> Stream::start(http::ResponseHead& head) {
    // A client that was never told to go on may or may not send its body: nothing behind it can be
    // told apart from it.
    const bool unsure =
        has_body_ && !body_complete_ &&
        ((head_->expects_continue && !continue_sent_) || unread_bytes() > client::kDrainBound);
    const bool close_after = unsure || must_close_ || !settings_.keep_alive ||
                             phase_.load(std::memory_order_relaxed) == Phase::stopping;
    const std::size_t before = core_->out.size();
    plan_ = connection_.codec().encode_head(id_, head, close_after, core_->out);
    answer_ = AnswerBody(plan_.has_body, plan_.length);
    head_bytes_ = core_->out.size() - before;
    header_count_ = head.headers.size();
    started_ = true;
    status_ = head.status;
    must_close_ = must_close_ || plan_.closes;
    return {};
}

base::Result<void> Stream::write(std::string_view bytes) {
    if (client_gone_) return gone();
    bytes = bytes.substr(0, answer_.fit(*head_, bytes.size()));
    while (bytes.size() > plan_.piece) {
        if (auto written = write_piece(bytes.substr(0, plan_.piece)); !written) return written;
        bytes.remove_prefix(plan_.piece);
    }
    return bytes.empty() ? base::Result<void>{} : write_piece(bytes);
}

base::Result<void> Stream::write_piece(std::string_view bytes) {
    answer_.add(bytes.size());
    http::Codec& codec = connection_.codec();
    codec.encode_body_prefix(id_, bytes.size(), core_->out);
    if (bytes.size() < kDirectSend) {
        core_->out.append(bytes);
        codec.encode_body_suffix(id_, core_->out);
        return core_->out.size() < kReceiveBuffer ? base::Result<void>{} : flush();
    }
    if (!connection_.send(core_->out, bytes)) return gone();
    core_->out.clear();
    codec.encode_body_suffix(id_, core_->out);
    return {};
}

base::Result<void> Stream::flush() {
    if (client_gone_) return gone();
    if (core_->out.empty()) return {};
    const bool sent = connection_.send(core_->out, {});
    core_->out.clear();
    return sent ? base::Result<void>{} : gone();
}

base::Result<void> Stream::send_file(int fd, std::uint64_t offset, std::uint64_t size) {
    if (client_gone_) return gone();
    size = answer_.fit(*head_, size);
    if (size == 0) return {};
    while (size > plan_.piece) {
        if (auto sent = send_file_piece(fd, offset, plan_.piece); !sent) return sent;
        offset += plan_.piece;
        size -= plan_.piece;
    }
    return size == 0 ? base::Result<void>{} : send_file_piece(fd, offset, size);
}

base::Result<void> Stream::send_file_piece(int fd, std::uint64_t offset, std::uint64_t size) {
    http::Codec& codec = connection_.codec();
    codec.encode_body_prefix(id_, size, core_->out);
    if (auto flushed = flush(); !flushed) return flushed;
    if (!connection_.send_file(fd, offset, size)) return gone();
    answer_.add(size);
    codec.encode_body_suffix(id_, core_->out);
    return {};
}

void Stream::trailers(const http::ResponseHead& fields) {
    if (started_ && !finished_ && !client_gone_) connection_.codec().encode_trailers(id_, fields);
}

bool Stream::congested() { return !client_gone_ && connection_.congested(); }

bool Stream::finish() {
    const bool complete = answer_.complete();
    if (!client_gone_ && !complete) {
        fail(500);
        return false;
    }
    finished_ = true;
    if (client_gone_) return complete;
    connection_.codec().encode_end(id_, core_->out);
    (void)flush();
    // What is left of the body nobody will read: dropped as it comes.
    dropping_body_ = true;
    body_.clear();
    return true;
}

bool Stream::may_detach() const { return !has_body_ && connection_.codec().may_detach(); }

base::Result<http::Detached> Stream::detach(http::Detach how) {
    if (!may_detach() || started_ || finished_) {
        return base::fail("the connection cannot be taken over: its answer began already");
    }
    auto taken = connection_.detach(how);
    if (!taken) return taken;
    // Whatever the app still says of an answer is dropped.
    detached_ = started_ = finished_ = client_gone_ = must_close_ = true;
    status_ = 101;
    return taken;
}

void Stream::send_own_answer(int status) {
    static constexpr std::string_view kType = "text/plain; charset=utf-8";
    const std::string_view phrase = http::reason_phrase(status);
    http::ResponseHead head;
    head.status = status;
    head.headers.push_back({"Content-Type", kType, http::FieldName::content_type});
    head.implied_length = phrase.size() + 1;
    (void)start(head);
    (void)write(phrase);
    (void)write("\n");
}

void Stream::fail(int status) {
    if (finished_) return;  // a complete answer stays one, whatever the app does after it
    finished_ = true;
    if (client_gone_) return;
    if (!started_) {
        core_->out.clear();
        send_own_answer(status);
        connection_.codec().encode_end(id_, core_->out);
    } else {
        aborted_ = true;
        must_close_ = connection_.codec().encode_abort(id_, core_->out) || must_close_;
    }
    (void)flush();
    dropping_body_ = true;
    body_.clear();
}

}  // namespace mew::worker
