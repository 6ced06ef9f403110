#pragma once
// A client's socket with what lies between it and the protocol: TLS, where there is any, and what
// it still has to take. Bytes inward and outward are the protocol's; what waits is as it leaves.

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "front/outbox.h"
#include "os/fd.h"
#include "tls/session.h"

namespace mew::front {

class Wire {
public:
    Wire(Context& context, os::Fd socket)
        : context_(context), socket_(std::move(socket)), outbox_(context) {}

    int socket() const { return socket_.get(); }
    void close() { socket_.reset(); }

    enum class Got : std::uint8_t { bytes, nothing, end, broken };
    // Reads once; `bytes` are valid until the next one that any wire reads.
    Got receive(std::string_view& bytes);
    // The same of bytes that were read already: through TLS, where there is any.
    Got take(std::string_view received, std::string_view& bytes);

    using Progress = Outbox::Progress;
    // At once as far as the socket takes them; the rest is kept.
    Progress send(std::string_view first, std::string_view second = {});
    Progress resume(const std::function<void()>& ready);
    bool empty() const { return outbox_.empty(); }
    bool has_room(bool stream) const { return outbox_.has_room(stream); }
    bool loading() const { return outbox_.loading(); }
    // Bytes that the socket took.
    std::uint64_t sent() const { return outbox_.sent(); }

    bool secure() const { return tls_ != nullptr; }
    tls::Session* tls() { return tls_.get(); }
    void start_tls(std::unique_ptr<tls::Session> session) { tls_ = std::move(session); }
    // No more TLS: what goes out from here on is for somebody who does not speak it.
    void drop_tls() { tls_.reset(); }
    // Nothing more is sent. Over TLS the client hears that nothing is missing.
    void end_output();

private:
    Progress put(std::string_view first, std::string_view second);

    Context& context_;
    os::Fd socket_;
    std::unique_ptr<tls::Session> tls_;
    Outbox outbox_;
};

}  // namespace mew::front
