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

// News of an exchange that goes on after AppBridge::run(). The loop tells them, never inside a call
// of the exchange's.
class ExchangeEvents {
public:
    virtual void on_body() = 0;  // what BodySource::ready() said no to is there, or will never be
    virtual void on_room() = 0;  // ResponseSink::congested() is over, or begin_detach() is
    // The client left: nothing is read or sent any more. Nothing else is told after it.
    virtual void on_gone() = 0;

protected:
    ~ExchangeEvents() = default;
};

class BodySource {
public:
    virtual ~BodySource() = default;
    // The next piece, valid until the next call; waits for it. Empty: the body is complete. Once
    // failed, it fails again: a cut body never looks complete.
    virtual base::Result<std::string_view, BodyFailure> read() = 0;
    // Would read() not wait? False: on_body() follows. Where an exchange goes on, it is asked
    // first.
    virtual bool ready() = 0;
    // Was all of it read, with nothing cut? What read() gave last stays valid.
    virtual bool at_end() = 0;
};

// A connection that left the server.
struct Detached {
    int fd = -1;         // its socket; the taker closes it
    std::string unread;  // received behind the request already
};
enum class Detach : std::uint8_t {
    until_end,  // blocking; it ends with the exchange, whoever has its socket
    for_good,   // non-blocking; the taker's from then on
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
    // Does more wait for the client than is good? True: on_room() follows. Where an exchange goes
    // on, calls never wait, and what the client does not take is kept.
    virtual bool congested() = 0;
    // Fields that go behind the body (RFC 9110 6.5), once, before finish(); they have passed
    // check(). Dropped where the client has no use for them.
    virtual void trailers(const ResponseHead& /*fields*/) {}
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
    // Would detach(for_good) not wait? False: it was asked for, and on_room() follows. Where an
    // exchange goes on, it is asked first.
    virtual bool begin_detach() { return true; }
    // Takes it over, in place of start(). The exchange counts as answered with 101, which the taker
    // sends; every later call here does nothing.
    virtual base::Result<Detached> detach(Detach /*how*/) {
        return base::fail("this way to the server knows no protocol but requests and answers");
    }
};

// Whose an exchange is.
class ExchangeOwner {
public:
    // An exchange that went on is over: it and its halves are not used any more.
    virtual void on_exchange_over() = 0;

protected:
    ~ExchangeOwner() = default;
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
    ExchangeOwner* owner = nullptr;
    // Set by a bridge before it goes on:
    ExchangeEvents* events = nullptr;  // null: nobody listens
    bool ends_with_input = false;      // a client that ends its sending side counts as gone
};

enum class Ran : std::uint8_t {
    done,       // answered, or failed
    goes_on,    // on_exchange_over() follows
    elsewhere,  // nothing was done: this app needs a thread that may wait
};

// Runs an app. WSGI and ASGI bridges implement it.
class AppBridge {
public:
    virtual ~AppBridge() = default;
    // Answers the exchange, or goes on with it later; never throws.
    virtual Ran run(Exchange& exchange) = 0;
};

}  // namespace mew::http
