#include "front/greeting.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "client/input.h"
#include "client/proxy_header.h"
#include "front/http1_connection.h"
#include "front/http2_connection.h"
#include "log/log.h"

namespace mew::front {

namespace {

// Also for clients that know no better than to ask HTTP of it.
constexpr std::string_view kNotHttp =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 61\r\n"
    "Connection: close\r\n\r\n"
    "Plain HTTP was sent to an HTTPS port: use an https:// address";

}  // namespace

void greet(Context& context, os::Fd socket, const client::PeerText& peer, std::uint32_t listener) {
    Wire wire(context, std::move(socket));
    const Settings& settings = context.settings;
    const bool first = context.tls.serves(listener) || settings.http2_cleartext ||
                       settings.client.expects_proxy_header(listener);
    if (first && settings.client.speaks_http(listener))
        return (new Greeting(context, std::move(wire), peer, listener))->open();
    (new Http1Connection(context, std::move(wire), peer, listener))->open({});
}

Greeting::Greeting(Context& context, Wire wire, const client::PeerText& peer,
                   std::uint32_t listener)
    : ClientSocket(context, std::move(wire), peer, listener),
      proxy_header_due_(context.settings.client.expects_proxy_header(listener)),
      tls_due_(context.tls.serves(listener)) {}

void Greeting::open() {
    arm(tls_due_ ? client::Limit::handshake : client::Limit::header);
    if (!proxy_header_due_) start_tls();
    if (set_interest(EPOLLIN)) receive();
}

void Greeting::close() {
    if (!begin_close()) return;
    end_close();
}

void Greeting::on_limit(client::Limit limit) {
    if (limit == client::Limit::handshake) {
        stats::add(context_.slot.timeouts);
        stats::add(context_.slot.tls_failures);
    } else if (!refused_) {
        stats::add(context_.slot.head_timeouts);
    }
    close();
}

void Greeting::on_event(std::uint32_t events) {
    if ((events & (EPOLLIN | EPOLLOUT)) == 0) return close();
    if ((events & EPOLLOUT) != 0) {
        const auto progress = wire_.resume([] {});
        if (progress == Wire::Progress::broken) return close();
        if (progress == Wire::Progress::done && !set_interest(EPOLLIN)) return;
    }
    if ((events & EPOLLIN) != 0) receive();
}

void Greeting::receive() {
    if (refused_) return drop_received();
    std::string_view bytes;
    Wire::Got got = wire_.receive(bytes);
    if (proxy_header_due_) {
        if (got == Wire::Got::nothing) return;
        if (got != Wire::Got::bytes) return close();
        received_.append(bytes);
        bytes = received_;
        if (!take_proxy_header(bytes)) return;
        const std::string rest(bytes);
        received_.clear();
        start_tls();
        if (rest.empty()) return;
        got = wire_.take(rest, bytes);
        return take(got, bytes);
    }
    take(got, bytes);
}

// False: it has not come whole yet, or the connection is closed.
bool Greeting::take_proxy_header(std::string_view& bytes) {
    using Outcome = net::ProxyHeader::Outcome;
    client::PeerText client = peer_text_;
    const Outcome outcome = client::take_proxy_header(bytes, client, context_.settings.client,
                                                      context_.refusal_log, context_.loop.now());
    if (outcome == Outcome::refused) {
        stats::add(context_.slot.refused);
        close();
    }
    if (outcome != Outcome::done) return false;
    proxy_header_due_ = false;
    peer_text_ = client;
    return true;
}

void Greeting::start_tls() {
    if (tls_due_) wire_.start_tls(std::make_unique<tls::Session>(context_.tls, listener_));
}

// --- TLS, and what follows

void Greeting::take(Wire::Got got, std::string_view bytes) {
    if (got == Wire::Got::bytes) received_.append(bytes);
    if (wire_.secure() && wire_.tls()->state() == tls::State::failed) return on_tls_failure();
    if (got == Wire::Got::end || got == Wire::Got::broken) return close();
    const std::uint32_t out = wire_.empty() ? 0U : static_cast<std::uint32_t>(EPOLLOUT);
    if (!set_interest(EPOLLIN | out)) return;
    if (wire_.secure() ? handshake_over() : !received_.empty()) choose_protocol();
}

// Early data is looked at early; its connection knows what of it may be run (RFC 8470).
bool Greeting::handshake_over() {
    tls::Session& session = *wire_.tls();
    if (session.state() == tls::State::handshaking)
        return session.in_early_data() && !received_.empty();
    stats::add(context_.slot.tls_handshakes);
    if (session.resumed()) stats::add(context_.slot.tls_resumed);
    return true;
}

void Greeting::on_tls_failure() {
    stats::add(context_.slot.tls_failures);
    const tls::Session& session = *wire_.tls();
    const bool http = session.failure() == tls::Failure::plain_http;
    log::debug("tls-failed", "{}: {}", peer_text_.address(), session.failure_text());
    if (session.failure() == tls::Failure::certificate)
        context_.refusal_log.write_connection(context_.loop.now(), peer_text_.address(),
                                              session.failure_text(), {});
    if (http) {
        wire_.drop_tls();
        if (wire_.send(kNotHttp) == Wire::Progress::broken) return close();
    }
    refuse();
}

// What was said has to arrive (RFC 9112 9.6).
void Greeting::refuse() {
    refused_ = true;
    wire_.end_output();
    arm(client::Limit::linger);
    (void)set_interest(EPOLLIN);
}

void Greeting::drop_received() {
    std::array<char, 4096> bytes;
    const ssize_t size = client::receive(wire_.socket(), bytes.data(), bytes.size());
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    if (size <= 0) return close();
    dropped_ += static_cast<std::uint64_t>(size);
    if (dropped_ > client::kDrainBound) close();
}

// A client with prior knowledge begins with the preface of HTTP/2 (RFC 9113 3.4), which is no
// request of HTTP/1.
void Greeting::choose_protocol() {
    if (wire_.secure()) {
        return wire_.tls()->alpn() == "h2" ? become<Http2Connection>() : become<Http1Connection>();
    }
    if (!context_.settings.http2_cleartext) return become<Http1Connection>();
    const std::string_view preface = http2::kPreface;
    const std::size_t same = std::min(preface.size(), received_.size());
    if (received_.compare(0, same, preface.substr(0, same)) != 0) {
        // Neither it nor a request: an invalid preface ends the connection, without a word that its
        // client could not read.
        const std::string_view first = received_;
        const std::size_t end = first.find('\n');
        const bool request = end == std::string_view::npos ||
                             first.substr(0, end).find(" HTTP/") != std::string_view::npos;
        if (request) return become<Http1Connection>();
        stats::add(context_.slot.refused);
        return close();
    }
    if (same == preface.size()) become<Http2Connection>();
}

template <class Kind>
void Greeting::become() {
    const std::string first = std::move(received_);
    context_.deadlines.disarm(*this);
    (void)set_interest(0);
    auto* const connection = new Kind(context_, std::move(wire_), peer_text_, listener_);
    close();
    connection->open(first);
}

}  // namespace mew::front
