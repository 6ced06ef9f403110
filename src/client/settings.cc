#include "client/settings.h"

#include <utility>

namespace mew::client {

namespace {
constexpr base::Milliseconds kLinger{2000};
// The peer's answer to a WebSocket's close frame.
constexpr base::Milliseconds kCloseFrame{10000};
}  // namespace

Settings settings_from(const options::Options& options, std::vector<net::ListenerInfo> listeners) {
    Settings settings;
    settings.limits.head_bytes = options.buffer_size;
    settings.limits.head_fields = options.http_max_headers;
    settings.limits.chunk_extension_bytes = options.http_max_chunk_extension;
    settings.limits.trailer_bytes = options.http_max_trailer;
    settings.limits.body_bytes = options.limit_post;
    settings.post_buffering = options.post_buffering;
    settings.response_buffer = options.response_buffer;
    settings.keep_alive = options.http_keepalive.count() > 0;
    settings.access_log = !options.disable_logging;
    settings.min_rate = options.http_min_rate;
    settings.body_total_time = options.http_body_total_timeout;
    settings.processes = options.processes;
    settings.listeners = std::move(listeners);
    // Mistakes were told when the options were checked.
    if (auto proxies = net::TrustedProxies::parse(options.trusted_proxies))
        settings.trusted_proxies = *std::move(proxies);
    settings.forwarded_proto_from_anyone = options.forwarded_proto_from_anyone;
    settings.http_proxy_headers = options.http_enable_proxy_protocol;
    settings.socket_proxy_headers = options.enable_proxy_protocol;
    return settings;
}

void set_durations(Deadlines& deadlines, const options::Options& options) {
    deadlines.set_duration(Limit::header, options.http_header_timeout);
    deadlines.set_duration(Limit::body, options.http_body_timeout);
    deadlines.set_duration(Limit::keepalive, options.http_keepalive);
    deadlines.set_duration(Limit::send, options.http_send_timeout);
    deadlines.set_duration(Limit::linger, kLinger);
    deadlines.set_duration(Limit::ping, options.websocket_ping_freq);
    deadlines.set_duration(Limit::pong, options.websocket_pong_tolerance);
    deadlines.set_duration(Limit::closing, kCloseFrame);
    deadlines.set_duration(Limit::handshake, options.http_tls_handshake_timeout);
}

}  // namespace mew::client
