// The inward half of http2/codec.h.
#include "http2/codec.h"

#include <algorithm>

#include <nghttp2/nghttp2.h>

#include "http/trailer.h"

namespace mew::http2 {

using http::StreamId;

namespace {

// What an honest client never needs: a browser that closes a page cancels a few dozen requests,
// and answers that were sent earn new ones.
constexpr std::uint32_t kResets = 200;
constexpr std::uint32_t kResetsPerSecond = 20;
constexpr std::uint32_t kControlFrames = 1000;
constexpr std::uint32_t kControlPerSecond = 100;
// What one request earns: its body may come in small pieces, its answer may need window updates.
constexpr std::uint32_t kControlPerRequest = 16;

}  // namespace

Codec::Codec(const http::Limits& limits, const Settings& settings, base::Clock& clock)
    : limits_(limits),
      settings_(settings),
      clock_(clock),
      reader_(limits),
      resets_(kResets, kResetsPerSecond),
      control_(kControlFrames, kControlPerSecond) {
    start_session();
}

Codec::~Codec() { ::nghttp2_session_del(session_); }

std::size_t Codec::decode(std::string_view bytes, http::StreamEvents& events) {
    closed_.clear();
    if (failed_ || bytes.empty()) return bytes.size();
    events_ = &events;
    std::string_view unseen = bytes;
    std::string_view unfed = bytes;
    while (const auto seen = watch_.next(unseen)) {
        // All that came before it counts first; without its last byte nothing of it does.
        const std::size_t before = unfed.size() - unseen.size() - 1;
        feed(unfed.substr(0, before));
        unfed.remove_prefix(before);
        if (seen->priority)
            on_priority(*seen);
        else
            on_late_frame(seen->stream, false);
    }
    feed(unfed);
    events_ = nullptr;
    return bytes.size();
}

void Codec::feed(std::string_view bytes) {
    if (failed_ || bytes.empty()) return;
    const auto used = ::nghttp2_session_mem_recv(
        session_, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    if (used >= 0) return;
    failed_ = true;
    // Too many frames of a kind (nghttp2 counts some itself), or no HTTP/2 at all.
    const bool flood = used == NGHTTP2_ERR_FLOODED || used == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS;
    fail(::nghttp2_strerror(static_cast<int>(used)),
         flood ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
}

Codec::Stream* Codec::find(StreamId stream) {
    const auto found = streams_.find(stream);
    return found == streams_.end() ? nullptr : found->second.get();
}

const Codec::Stream* Codec::find(StreamId stream) const {
    const auto found = streams_.find(stream);
    return found == streams_.end() ? nullptr : found->second.get();
}

void Codec::fail(std::string_view why, std::uint32_t error) {
    if (!fault_.empty()) return;
    fault_ = why;
    (void)::nghttp2_session_terminate_session(session_, error);
}

void Codec::reset(StreamId stream, std::uint32_t error) {
    (void)::nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, static_cast<int>(stream), error);
}

void Codec::count_reset() {
    if (!resets_.take(clock_)) fail("it resets streams in a flood", NGHTTP2_ENHANCE_YOUR_CALM);
}

void Codec::count_control() {
    if (!control_.take(clock_)) fail("it floods with control frames", NGHTTP2_ENHANCE_YOUR_CALM);
}

// --- frames that have no place

// On a stream that is not open; nghttp2 forgets those that closed, and lets it pass.
void Codec::on_late_frame(StreamId stream, bool head) {
    if (stream > newest_ || stream % 2 == 0 || find(stream) != nullptr) return;
    const ClosedStreams::State state = gone_.find(stream);
    if (state == ClosedStreams::State::ended_by_peer)
        fail("it goes on with a stream that it ended", NGHTTP2_STREAM_CLOSED);
    if (state == ClosedStreams::State::unused && head)
        fail("it opens a stream after a newer one", NGHTTP2_PROTOCOL_ERROR);
}

void Codec::on_priority(const FrameWatch::Seen& seen) {
    if (seen.stream == 0) fail("it gives a priority to no stream", NGHTTP2_PROTOCOL_ERROR);
    // RFC 7540 5.3.1; RFC 9113 has no dependencies at all.
    if (seen.stream == seen.depends_on)
        fail("a stream of its depends on itself", NGHTTP2_PROTOCOL_ERROR);
    count_control();
}

void Codec::on_reset(StreamId stream) {
    Stream* const at = find(stream);
    // Some clients answer each frame that still comes on a stream of theirs that they have reset
    // with a reset of its own.
    if (at == nullptr || at->reset) return count_control();
    at->reset = true;
    count_reset();
}

void Codec::on_reset_sent(StreamId stream, bool peers_fault) {
    // One that was refused was never open here, and the rest of it is on its way.
    if (find(stream) == nullptr) gone_.add(stream, false);
    if (peers_fault) count_reset();
}

// --- heads

void Codec::on_head_begins(StreamId stream, bool request) {
    head_stream_ = stream;
    if (request) {
        reader_.begin();
        newest_ = std::max(newest_, stream);
        streams_.emplace(stream, std::make_unique<Stream>());
        control_.give(kControlPerRequest);
    } else {
        trailer_bytes_ = trailer_fields_ = 0;
    }
}

// False: the stream is to be reset.
bool Codec::on_field(StreamId stream, std::string_view name, std::string_view value, bool request) {
    if (request) {
        if (reader_.add(name, value)) return true;
        fail("its request head is far beyond the limits", NGHTTP2_ENHANCE_YOUR_CALM);
        return false;
    }
    // Trailers are counted and checked, and then nobody's.
    trailer_bytes_ += name.size() + value.size();
    const bool good = trailer_bytes_ <= limits_.trailer_bytes &&
                      ++trailer_fields_ <= limits_.head_fields &&
                      !http::is_forbidden_trailer(http::find_field_name(name));
    if (!good) reset(stream, NGHTTP2_PROTOCOL_ERROR);
    return good;
}

void Codec::on_head_ends(StreamId stream, bool request, bool ends) {
    head_stream_ = 0;
    Stream* const at = find(stream);
    if (at == nullptr || !fault_.empty()) return;
    if (!request) return on_body_ends(stream);
    const auto refusal = reader_.finish(at->head, ends);
    at->is_head = reader_.method() == "HEAD";
    at->connects = at->head.connects;
    if (refusal) return refuse(stream, *at, *refusal);
    at->head.own();
    at->told = true;
    events_->on_head(stream, at->head);
    if (ends) events_->on_body_end(stream);
}

void Codec::refuse(StreamId stream, Stream& at, const http::Refusal& refusal) {
    at.refused = true;
    events_->on_refusal(stream, refusal);
}

// --- bodies

void Codec::on_data(StreamId stream, std::string_view bytes) {
    // They have left the receive buffer; the stream's own credit waits for its consumer.
    (void)::nghttp2_session_consume_connection(session_, bytes.size());
    Stream* const at = find(stream);
    if (at == nullptr || at->refused || (at->sent && !at->tunnel) || !at->told) {
        consume(stream, bytes.size());
        return;
    }
    at->received += bytes.size();
    if (limits_.body_bytes != 0 && !at->connects && at->received > limits_.body_bytes)
        return refuse(stream, *at, {413, "the body is larger than limit-post"});
    events_->on_body(stream, bytes);
}

void Codec::on_body_ends(StreamId stream) {
    Stream* const at = find(stream);
    if (at != nullptr && at->told && !at->refused) events_->on_body_end(stream);
}

void Codec::consume(StreamId stream, std::size_t size) {
    (void)::nghttp2_session_consume_stream(session_, static_cast<int>(stream), size);
}

void Codec::on_closed(StreamId stream) {
    if (head_stream_ == stream) head_stream_ = 0;
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    const bool complete = found->second->sent;
    const bool ended =
        ::nghttp2_session_get_stream_remote_close(session_, static_cast<int>(stream)) == 1;
    gone_.add(stream, ended || found->second->reset);
    closed_.push_back(std::move(found->second));
    streams_.erase(found);
    if (complete) resets_.give(1);
    if (events_ != nullptr) events_->on_stream_end(stream, complete);
}

}  // namespace mew::http2
