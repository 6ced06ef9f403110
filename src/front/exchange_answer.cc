// The answer's half of front/exchange.h: from records to bytes for the client.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <utility>

#include "client/own_answer.h"
#include "front/channel.h"
#include "front/connection.h"
#include "front/dispatch.h"
#include "front/exchange.h"
#include "log/log.h"
#include "mailbox/reply_head.h"

namespace mew::front {

namespace {

using mailbox::PostingSide;
using mailbox::RecordKind;

// From here on a piece is handed to the kernel where it lies instead of being copied.
constexpr std::size_t kDirectSend = 16384;

// Only what can be read without waiting for anybody: no FIFO, no device, nothing write-only.
bool may_be_sent(int fd) {
    struct stat about {};
    const int flags = ::fcntl(fd, F_GETFL);
    return fd >= 0 && flags >= 0 && (flags & O_ACCMODE) != O_WRONLY && (flags & O_PATH) == 0 &&
           ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
}

}  // namespace

Exchange::Took Exchange::take(const PostingSide& side, const PostingSide::Piece& piece, bool done) {
    if (over()) return Took::record;
    if (sends_file()) return Took::hold;
    if (lent_) {
        give_up_answer("it answers on a connection that it has taken over");
        return Took::record;
    }
    switch (piece.kind) {
        case RecordKind::go_on:
            go_on();
            return Took::record;
        case RecordKind::head:
            take_head(side, piece);
            return Took::record;
        case RecordKind::hints:
            take_hints(side, piece);
            return Took::record;
        case RecordKind::trailers:
            take_trailers(side, piece);
            return Took::record;
        case RecordKind::body:
            if (!done && !may_take_body()) return Took::hold;
            take_body(side, piece);
            return Took::record;
        case RecordKind::lend:
            lend(side, piece);
            return Took::record;
        case RecordKind::file:
            begin_file(side, piece);
            return Took::record;
        default:
            return Took::record;
    }
}

// Once only, and not where the client knows already how it ends.
void Exchange::go_on() {
    if (!head_.expects_continue || continued_ || started_ || body_complete_) return;
    continued_ = true;
    connection_.codec().encode_continue(id_, context_.out);
}

void Exchange::take_head(const PostingSide& side, const PostingSide::Piece& piece) {
    if (started_) return give_up_answer("it began a second answer");
    bool wants_close = false;
    if (!read_head(side, piece, wants_close)) return;
    // That would accept a WebSocket which the app knows nothing of.
    if (head_.connects && context_.head.status / 100 == 2) return fail(501);
    context_.head.wants_close = wants_close;
    start();
}

void Exchange::take_hints(const PostingSide& side, const PostingSide::Piece& piece) {
    bool wants_close = false;
    if (started_) return give_up_answer("it hints at an answer that began");
    if (read_head(side, piece, wants_close))
        connection_.codec().encode_early_hints(id_, context_.head, context_.out);
}

void Exchange::take_trailers(const PostingSide& side, const PostingSide::Piece& piece) {
    bool wants_close = false;
    if (!started_) return give_up_answer("what goes behind its body came first");
    if (read_head(side, piece, wants_close))
        connection_.codec().encode_trailers(id_, context_.head);
}

// Into context.head. False: it is none, and the answer was given up.
bool Exchange::read_head(const PostingSide& side, const PostingSide::Piece& piece,
                         bool& wants_close) {
    // A copy: the worker can write on while it is looked at.
    context_.scratch.resize(piece.size);
    side.copy(slot_, piece, context_.scratch.data());
    http::ResponseHead& head = context_.head;
    if (!mailbox::read_reply_head(context_.scratch, head, wants_close)) {
        give_up_answer("its head is none");
        return false;
    }
    const auto checked = head.check();
    if (!checked) give_up_answer(checked.error().text);
    return checked.has_value();
}

// A client that was never told to go on may or may not send its body: nothing behind it can be
// told apart from it. Much of it is not worth reading.
bool Exchange::is_sure_of_the_rest() const {
    if (!has_body_ || body_complete_) return true;
    if (head_.expects_continue && !continued_) return false;
    return head_.framing == http::BodyFraming::length &&
           head_.content_length - received_ <= client::kDrainBound;
}

bool Exchange::ends_connection() const {
    return !is_sure_of_the_rest() || must_close_ || context_.stopping ||
           !context_.settings.client.keep_alive;
}

// Bytes of body that the announced length still allows.
std::uint64_t Exchange::room() const { return streams() ? UINT64_MAX : plan_.length - body_sent_; }

// RFC 6797: over TLS only, and not where the app says its own.
void Exchange::add_transport_security() {
    const std::string_view policy = connection_.transport_security();
    if (policy.empty()) return;
    std::vector<http::Header>& headers = context_.head.headers;
    constexpr auto kId = http::FieldName::strict_transport_security;
    if (std::ranges::find(headers, kId, &http::Header::id) != headers.end()) return;
    headers.push_back({"Strict-Transport-Security", policy, kId});
}

void Exchange::start() {
    add_transport_security();
    plan_ = connection_.codec().encode_head(id_, context_.head, ends_connection(), context_.out);
    started_ = true;
    must_close_ = must_close_ || plan_.closes;
}

void Exchange::put(std::string_view bytes) {
    body_sent_ += bytes.size();
    if (!connection_.pushes()) return put_within(bytes);
    while (!bytes.empty() && !over()) {
        const std::string_view piece = bytes.substr(0, plan_.piece);
        bytes.remove_prefix(piece.size());
        if (piece.size() < kDirectSend) {
            encode(piece);
            continue;
        }
        connection_.codec().encode_body_prefix(id_, piece.size(), context_.out);
        connection_.send(piece);
        if (over()) return;  // what is put there now would be another one's
        connection_.codec().encode_body_suffix(id_, context_.out);
    }
}

void Exchange::encode(std::string_view piece) {
    http::Codec& codec = connection_.codec();
    codec.encode_body_prefix(id_, piece.size(), context_.out);
    context_.out.append(piece);
    codec.encode_body_suffix(id_, context_.out);
}

// As much as its codec takes now; the rest waits here.
void Exchange::put_within(std::string_view bytes) {
    if (!backlog_ || backlog_->empty()) {
        const std::string_view now = bytes.substr(0, connection_.room_now(*this));
        if (!now.empty()) encode(now);
        bytes.remove_prefix(now.size());
    }
    if (bytes.empty()) return;
    if (!backlog_) {
        backlog_ = std::make_unique<Spill>(context_.spill_folder, context_.spill_totals,
                                           Spill::Limits{std::size_t{2} * mailbox::kReplyRing,
                                                         context_.settings.response_buffer_max});
    }
    const auto kept = backlog_->append(bytes);
    if (!kept) log::error("spill-failed", "{}", kept.error().text);
    if (!kept || !*kept) give_up_answer("there is no room for what its client does not take");
}

// Its codec has room again.
void Exchange::pump_backlog() {
    while (backlog_ && !backlog_->empty() && !backlog_loading_ && !over()) {
        const std::size_t room = connection_.room_now(*this);
        if (room == 0) return;
        if (backlog_->front().empty()) {
            const auto loaded = backlog_->load(context_.reader, [this](const base::Result<void>&) {
                backlog_loading_ = false;
                connection_.go_on();
            });
            if (!loaded) return give_up_answer(loaded.error().text);
            backlog_loading_ = !*loaded;
            continue;
        }
        const std::string_view piece = backlog_->front().substr(0, room);
        encode(piece);
        backlog_->consume(piece.size());
    }
}

// One look at the worker's ring may always be kept.
bool Exchange::may_take_body() const {
    if (connection_.pushes()) return connection_.has_room(streams());
    const std::uint64_t most = streams() ? 0 : context_.settings.response_buffer_max;
    return !backlog_ || backlog_->size() <= std::max<std::uint64_t>(most, mailbox::kReplyRing) -
                                                mailbox::kReplyRing;
}

// What a file holds need not be kept twice.
bool Exchange::may_read_file() const {
    if (connection_.pushes()) return connection_.has_room(true);
    return connection_.room_now(*this) != 0 && (!backlog_ || backlog_->empty());
}

void Exchange::take_body(const PostingSide& side, const PostingSide::Piece& piece) {
    if (!started_) return give_up_answer("it has a body and no head");
    if (!plan_.has_body) return;
    if (piece.size > room()) return give_up_answer("it is longer than it said");
    for (const std::string_view part : side.view(slot_, piece)) put(part);
}

void Exchange::begin_file(const PostingSide& side, const PostingSide::Piece& piece) {
    mailbox::FilePart part{};
    if (!started_ || piece.size != sizeof part) return give_up_answer("it sends an odd file");
    side.copy(slot_, piece, reinterpret_cast<char*>(&part));
    if (!plan_.has_body) return;
    if (!may_be_sent(file_.get())) return give_up_answer("its file is none that can be sent");
    if (part.size > room() || part.offset > INT64_MAX || part.size > INT64_MAX - part.offset)
        return give_up_answer("its file is longer than it said");
    file_offset_ = part.offset;
    file_left_ = part.size;
    (void)pump_file();
}

// The file goes on, as far as the client takes it. True: it is through, or never will be.
bool Exchange::pump_file() {
    const std::uint64_t before = file_left_;
    while (file_left_ != 0 && !file_loading_ && !over() && may_read_file()) {
        if (before - file_left_ >= Outbox::kMostSent) {
            connection_.send_on();
            break;
        }
        std::array<char, kReceiveBuffer> bytes;
        const auto most =
            static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), file_left_));
        const auto got =
            context_.reader.read_at_once(file_.get(), file_offset_, {bytes.data(), most});
        if (!got || (*got && **got == 0)) {
            file_left_ = 0;
            give_up_answer("its file is shorter than it said, or cannot be read");
            return true;
        }
        if (!*got) {
            load_file(most);
            continue;
        }
        take_file_bytes({bytes.data(), **got});
    }
    return file_left_ == 0;
}

void Exchange::take_file_bytes(std::string_view bytes) {
    file_offset_ += bytes.size();
    file_left_ -= bytes.size();
    put(bytes);
    if (file_left_ == 0) file_.reset();
}

void Exchange::load_file(std::size_t most) {
    auto ticket = context_.reader.read_later(
        file_.get(), file_offset_, most, [this](base::Result<std::string> bytes) {
            file_loading_ = false;
            if (over()) return;
            if (!bytes || bytes->empty()) {
                file_left_ = 0;
                give_up_answer("its file is shorter than it said, or cannot be read");
            } else {
                take_file_bytes(*bytes);
            }
            flush();
            connection_.go_on();
        });
    if (!ticket) {
        file_left_ = 0;
        return give_up_answer(ticket.error().text);
    }
    file_ticket_ = *std::move(ticket);
    file_loading_ = true;
}

void Exchange::flush() {
    if (over()) return context_.out.clear();
    connection_.flush();
}

// What is still on its way from a file needs no worker.
void Exchange::on_last(int failure) {
    if (over()) return;
    if (sends_rest()) {
        last_ = failure;
        return flush();
    }
    if (failure == 0) return finish();
    fail(failure);
}

void Exchange::finish() {
    if (lent_) return end_lent();
    const bool complete = started_ && (!plan_.has_body || streams() || room() == 0);
    if (!complete) return fail(502);
    connection_.codec().encode_end(id_, context_.out);
    end();
}

void Exchange::fail(int status) {
    if (over()) return;
    file_left_ = 0;
    backlog_.reset();
    if (!started_) return answer(status >= 400 && status <= 599 ? status : 500);
    if (lent_) return end_lent();
    aborted_ = true;
    must_close_ = connection_.codec().encode_abort(id_, context_.out) || must_close_;
    end();
}

void Exchange::answer(int status, unsigned retry_after) {
    if (over()) return;
    started_ = true;
    client::OwnAnswer own = connection_.own_answer(status, ends_connection());
    own.retry_after = retry_after;
    must_close_ =
        client::append_own_answer(connection_.codec(), id_, own, context_.out) || must_close_;
    end();
}

// A method other than GET stays what it is (RFC 9110 15.4.9).
void Exchange::redirect(const std::string& uri) {
    const std::string_view method = head_.method();
    http::ResponseHead& head = context_.head;
    head.clear();
    head.status = method == "GET" || method == "HEAD" ? 301 : 308;
    head.headers.push_back({"Location", uri, http::FieldName::location});
    head.implied_length = 0;
    start();
    finish();
}

// What the worker still says of this answer is read, and means nothing.
void Exchange::give_up_answer(std::string_view why) {
    if (over()) return;
    log::error("answer-broken", "the worker's answer to {} {} was given up: {}", head_.method(),
               head_.target(), why);
    fail(502);
}

void Exchange::end() {
    place_ = Place::over;
    if (relay_) relay_->close();
    context_.deadlines.disarm(*this);
    context_.dispatch->withdraw(*this);
    connection_.flush();
    if (!forgotten_) connection_.on_over(*this);
}

// The client takes more again.
void Exchange::resume() {
    if (over()) return;
    if (lent_ && relay_) return relay_->resume();
    pump_backlog();
    (void)pump_file();
    flush();
    if (sends_rest() || over()) return;
    if (last_) return on_last(*last_);
    if (channel_ != nullptr) channel_->resume(slot_);
}

void Exchange::forget() {
    forgotten_ = true;
    place_ = Place::over;
    if (relay_) relay_->close();
    context_.deadlines.disarm(*this);
    base::ListNode<QueueTag>::unlink();
    file_ticket_.cancel();
    body_.reset();
    backlog_.reset();
}

}  // namespace mew::front
