#pragma once
// One request and its answer, as an app bridge sees it. A bridge cannot tell which way the exchange
// came: body source and response sink are the direct connection's (worker/stream) or, on the routed
// way, the mailbox's.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/request_head.h"
#include "http/response_head.h"

namespace mew::http {

// Who is at the other end of the connection, as text ready for CGI variables. `tag` is never
// reused inside a process, so a bridge may key its own per-connection values by it.
struct Peer {
    std::string_view address;  // "" for UNIX sockets
    std::string_view port;
    std::uint64_t tag = 0;
    std::uint32_t listener = 0;  // index of the listening socket it came by
};

// Why reading a body failed; `status` is what the client gets if nothing was answered yet.
struct BodyFailure {
    int status = 400;
    std::string_view reason;
};

class BodySource {
public:
    virtual ~BodySource() = default;
    // The next piece, valid until the next call; waits for it. Empty: the body is complete. Once
    // failed, it fails again: a cut body never looks complete.
    virtual base::Result<std::string_view, BodyFailure> read() = 0;
};

// A connection that left the server until the exchange is over, and ends with it: what it carries
// meanwhile is its taker's.
struct Detached {
    int fd = -1;         // its socket, blocking; the taker closes it
    std::string unread;  // received behind the request already
};

class ResponseSink {
public:
    virtual ~ResponseSink() = default;
    // All calls: an error means that the client is gone or too slow; what follows is dropped.
    virtual base::Result<void> start(ResponseHead& head) = 0;
    // May keep the bytes until flush(), finish() or a full buffer.
    virtual base::Result<void> write(std::string_view bytes) = 0;
    virtual base::Result<void> flush() = 0;
    // `size` bytes of a regular file from `offset`; `fd` is borrowed for the call.
    virtual base::Result<void> send_file(int fd, std::uint64_t offset, std::uint64_t size) = 0;
    // The answer is complete. False: it was shorter than its Content-Length.
    virtual bool finish() = 0;
    // The answer broke after it began: the client must not take it for complete. Before start() an
    // answer of the server's own takes its place.
    virtual void fail(int status) = 0;
    virtual bool started() const = 0;
    // Bytes of body that the announced length still allows; UINT64_MAX where none was announced.
    virtual std::uint64_t room() const = 0;

    // May the app send headers ahead of its answer (103, RFC 8297)?
    virtual bool takes_hints() const { return false; }
    // Those of `hints`, which has passed check() but for its status, which is no matter. Nothing
    // once the answer began.
    virtual void hint(const ResponseHead& /*hints*/) {}

    // May the connection be taken over, for a protocol that follows HTTP (WebSocket)?
    virtual bool may_detach() const { return false; }
    // Takes it over, in place of start(). The exchange counts as answered with 101, which the taker
    // sends; every later call here does nothing.
    virtual base::Result<Detached> detach() {
        return base::fail("this way to the server knows no protocol but requests and answers");
    }
};

struct Exchange {
    const RequestHead& head;
    const Peer& peer;
    BodySource* body;  // nullptr: no body
    // Bytes of the whole body, where they are known before it is read: announced, or all here.
    std::optional<std::uint64_t> body_size;
    ResponseSink& response;
    int core = 0;             // which of the worker's cores runs it
    bool app_failed = false;  // set by the bridge: the app raised
};

// Runs an app. WSGI and ASGI bridges implement it.
class AppBridge {
public:
    virtual ~AppBridge() = default;
    // Answers the exchange, or leaves it to whoever it handed it to; never throws.
    virtual void run(Exchange& exchange) = 0;
};

}  // namespace mew::http
