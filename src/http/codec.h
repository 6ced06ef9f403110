#pragma once
// The seam between bytes and exchanges. A codec is sans-I/O: bytes in, events out, and the other
// way for answers. HTTP/1, HTTP/2 and the gateways (uwsgi, FastCGI, SCGI) implement it; who drives
// it (worker/connection, later the front) owns the socket, the buffers and the time limits.
//
// Verbs: decode inward, encode outward. A connection may carry many streams at once; HTTP/1 opens
// the next one only after the answer to the last, which keeps pipelined requests in order.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "http/request_head.h"
#include "http/response_head.h"

namespace mew::http {

using StreamId = std::uint32_t;

// Bounds on what one request may bring; all bytes or counts.
struct Limits {
    std::uint32_t head_bytes = 32768;
    std::uint32_t head_fields = 200;
    std::uint64_t body_bytes = 0;  // 0: no bound
    std::uint32_t chunk_extension_bytes = 16384;
    std::uint32_t trailer_bytes = 8192;
};

// Why a request is not served. `status` goes to the client, `reason` to the log.
struct Refusal {
    int status = 400;
    std::string_view reason;  // static text
};

class StreamEvents {
public:
    // The head is complete; its block is borrowed until decode() returns. A body follows unless
    // head.framing is none, in which case on_body_end comes next.
    virtual void on_head(StreamId stream, RequestHead& head) = 0;
    // A piece of body, borrowed until it returns.
    virtual void on_body(StreamId stream, std::string_view piece) = 0;
    virtual void on_body_end(StreamId stream) = 0;
    // The bytes are not a request that may be served, or (after on_head) its body is malformed.
    // Nothing more is decoded on this stream, for HTTP/1 on this connection.
    virtual void on_refusal(StreamId stream, const Refusal& refusal) = 0;
    // Bytes that answer no request, borrowed until it returns: a pong, what a peer asks about the
    // protocol itself. They leave as they are; `ends`: and nothing more comes on this connection.
    // HTTP has none of these.
    virtual void on_reply(std::string_view /*bytes*/, bool /*ends*/) {}

    // --- of protocols that carry many streams at once
    // `size` more bytes of the stream's answer were encoded, so the codec takes as many again.
    virtual void on_body_sent(StreamId /*stream*/, std::size_t /*size*/) {}
    // Nothing more comes or goes on it. `complete`: its answer was sent whole; else either side
    // gave it up.
    virtual void on_stream_end(StreamId /*stream*/, bool /*complete*/) {}

protected:
    ~StreamEvents() = default;
};

// How an answer's body is delimited, decided by encode_head.
struct BodyPlan {
    bool has_body = true;               // false: HEAD, 204, 304; body bytes are dropped
    std::uint64_t length = UINT64_MAX;  // bytes that must follow; max: not known
    bool closes = false;                // the connection ends after this answer
    // Nothing but the end of the connection tells where the body ends: after an abort a plain close
    // would make it look complete.
    bool ends_by_close = false;
    std::size_t piece = SIZE_MAX;  // most bytes between one prefix and its suffix
};

class Codec {
public:
    virtual ~Codec() = default;

    // Decodes from `bytes` and returns how many it is done with; the rest must be presented again,
    // with more behind it. Zero without an event means: more bytes are needed, or the current
    // stream must end first.
    virtual std::size_t decode(std::string_view bytes, StreamEvents& events) = 0;

    // `head` has passed ResponseHead::check(). `close_after`: the driver wants the connection
    // ended.
    virtual BodyPlan encode_head(StreamId stream, const ResponseHead& head, bool close_after,
                                 std::string& out) = 0;
    // Interim answers: 100 (Continue).
    virtual void encode_continue(StreamId stream, std::string& out) = 0;
    // 103 (Early Hints, RFC 8297); `head` has its status and headers. Not where clients may not
    // expect it.
    virtual void encode_early_hints(StreamId /*stream*/, const ResponseHead& /*head*/,
                                    std::string& /*out*/) {}
    // What must stand before and after `size` raw body bytes (at most BodyPlan::piece) that the
    // driver sends itself.
    virtual void encode_body_prefix(StreamId stream, std::size_t size, std::string& out) = 0;
    virtual void encode_body_suffix(StreamId stream, std::string& out) = 0;
    // Fields that go behind the body, with encode_end(), once; `fields` has passed check(). Nothing
    // where the protocol, or what the client asked for, has no place for them (RFC 9110 6.5).
    virtual void encode_trailers(StreamId /*stream*/, const ResponseHead& /*fields*/) {}
    // The answer is complete. The next stream opens once the request's body was decoded to its end
    // too; the driver drops such pieces, up to a bound.
    virtual void encode_end(StreamId stream, std::string& out) = 0;
    // The stream ends without a complete answer: what the protocol has for it. True if the whole
    // connection must end (HTTP/1).
    virtual bool encode_abort(StreamId stream, std::string& out) = 0;

    // Is the block of a head the very bytes that were received? Then decoding them again,
    // elsewhere, gives the same head.
    virtual bool block_is_wire() const = 0;
    // The peer is a web server, which sends nothing behind its request: an answer that was sent is
    // safe from what else may come, and the connection may be closed at once.
    virtual bool nothing_follows() const { return false; }

    // May another protocol follow on the connection, once the app answered 101?
    virtual bool may_detach() const { return false; }

    // Bytes received of a head that is not complete: tells an idle connection from a slow one.
    virtual bool inside_head() const = 0;
};

// A codec whose streams share the connection (HTTP/2). What is encoded is kept until flow control
// and priorities let it go: encode_* put nothing into `out`, encode_pending() does.
class MultiplexedCodec : public Codec {
public:
    // What may go now, until `out` has `most` bytes; to be called whenever the socket takes some,
    // after each decode and after each encode_*. Events may come of it.
    virtual void encode_pending(std::size_t most, std::string& out, StreamEvents& events) = 0;
    // Bytes of body that the stream's answer may be given now; more is kept as well, in memory.
    virtual std::size_t room(StreamId stream) const = 0;
    // Bytes of it that did not go yet.
    virtual std::size_t unsent(StreamId stream) const = 0;
    // The driver is done with `size` bytes of the stream's body: its peer may send as many more.
    virtual void consume(StreamId stream, std::size_t size) = 0;
    // The stream is given up for no fault of the peer's.
    virtual void cancel(StreamId stream) = 0;
    // No new streams: the peer is told; those in flight are served. `last`: the peer has had time
    // to hear it, and what comes now comes too late.
    virtual void drain(bool last) = 0;
    // The connection has nothing more to say or to hear; what was encoded is still to be sent.
    virtual bool over() const = 0;
    // It broke the protocol's rules, or a bound: for the log and a counter. Empty: it did not.
    virtual std::string_view fault() const = 0;
};

}  // namespace mew::http
