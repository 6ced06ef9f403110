#pragma once
// HTTP/2 (RFC 9113) behind the Codec seam: nghttp2 does framing, HPACK, flow control and priorities
// (RFC 9218); what a request may be, and how much a peer may cost, is decided here.
//
//   decode > nghttp2 > HeadReader > events                  encode_* > Stream::body >
//   encode_pending
//
// Flow control by credit: the connection's returns when bytes leave the receive buffer, a stream's
// when the driver has consumed them. codec.cc: inward. encode.cc: outward. session.cc: callbacks.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "http/codec.h"
#include "http2/closed_streams.h"
#include "http2/flood_guard.h"
#include "http2/frame_watch.h"
#include "http2/head_reader.h"

struct nghttp2_session;

namespace mew::http2 {

struct Settings {
    std::uint32_t streams = 100;             // at a time
    std::uint32_t stream_window = 1U << 18;  // bytes of a body that may be on their way
    std::uint32_t connection_window = 1U << 20;
};

// What a client with prior knowledge sends first (RFC 9113 3.4).
inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

class Codec final : public http::MultiplexedCodec {
public:
    // All three outlive it.
    Codec(const http::Limits& limits, const Settings& settings, base::Clock& clock);
    ~Codec() override;

    std::size_t decode(std::string_view bytes, http::StreamEvents& events) override;
    http::BodyPlan encode_head(http::StreamId stream, const http::ResponseHead& head,
                               bool close_after, std::string& out) override;
    void encode_continue(http::StreamId stream, std::string& out) override;
    void encode_early_hints(http::StreamId stream, const http::ResponseHead& head,
                            std::string& out) override;
    void encode_body_prefix(http::StreamId stream, std::size_t size, std::string& out) override;
    void encode_body_suffix(http::StreamId stream, std::string& out) override;
    void encode_trailers(http::StreamId stream, const http::ResponseHead& fields) override;
    void encode_end(http::StreamId stream, std::string& out) override;
    bool encode_abort(http::StreamId stream, std::string& out) override;
    bool block_is_wire() const override { return false; }
    bool inside_head() const override { return head_stream_ != 0; }

    void encode_pending(std::size_t most, std::string& out, http::StreamEvents& events) override;
    std::size_t room(http::StreamId stream) const override;
    std::size_t unsent(http::StreamId stream) const override;
    void consume(http::StreamId stream, std::size_t size) override;
    void cancel(http::StreamId stream) override;
    void drain(bool last) override;
    // Of a stream that connects, behind encode_end(): what still comes on it is nobody's either.
    void end_tunnel(http::StreamId stream);
    bool over() const override;
    std::string_view fault() const override { return fault_; }

private:
    friend struct Callbacks;

    struct Stream {
        http::RequestHead head;
        std::string body;                                           // of the answer, not sent yet
        std::vector<std::pair<std::string, std::string>> trailers;  // that go behind it
        std::size_t at = 0;  // of body: what lies before was sent
        std::uint64_t received = 0;
        bool is_head = false;   // HEAD
        bool connects = false;  // extended CONNECT
        bool tunnel = false;    // and it was accepted: each side ends its half
        bool told = false;      // on_head was called
        bool reset = false;     // by its peer
        bool refused = false;   // nothing more of it is decoded
        bool answered = false;  // a head was submitted
        bool ended = false;     // the answer is whole
        bool sent = false;      // and went out
    };

    Stream* find(http::StreamId stream);
    const Stream* find(http::StreamId stream) const;
    void start_session();
    void feed(std::string_view bytes);
    void fail(std::string_view why, std::uint32_t error);
    void reset(http::StreamId stream, std::uint32_t error);
    void count_reset();
    void count_control();

    // --- by nghttp2's callbacks
    void on_late_frame(http::StreamId stream, bool head);
    void on_priority(const FrameWatch::Seen& seen);
    void on_reset(http::StreamId stream);
    void on_reset_sent(http::StreamId stream, bool peers_fault);
    void on_head_begins(http::StreamId stream, bool request);
    bool on_field(http::StreamId stream, std::string_view name, std::string_view value,
                  bool request);
    void on_head_ends(http::StreamId stream, bool request, bool ends);
    void on_data(http::StreamId stream, std::string_view bytes);
    void on_body_ends(http::StreamId stream);
    void on_closed(http::StreamId stream);
    void refuse(http::StreamId stream, Stream& at, const http::Refusal& refusal);

    const http::Limits& limits_;
    const Settings& settings_;
    base::Clock& clock_;
    nghttp2_session* session_ = nullptr;
    HeadReader reader_;
    http::StreamEvents* events_ = nullptr;  // while one of decode and encode_pending runs
    std::string* out_ = nullptr;            // while encode_pending runs
    std::unordered_map<http::StreamId, std::unique_ptr<Stream>> streams_;
    // Their heads may still be looked at in this event.
    std::vector<std::unique_ptr<Stream>> closed_;
    ClosedStreams gone_;
    FrameWatch watch_{kPreface.size()};
    http::StreamId head_stream_ = 0;  // whose head is being received
    http::StreamId newest_ = 0;       // of those that were opened
    std::uint64_t trailer_bytes_ = 0;
    std::uint32_t trailer_fields_ = 0;
    std::size_t mark_ = 0;  // of `out`, between prefix and suffix
    Allowance resets_;
    Allowance control_;
    bool failed_ = false;
    std::string_view fault_;
};

}  // namespace mew::http2
