#pragma once
// What options say about clients' connections, in the form that those who serve them look at. One
// set for both ways in.

#include <cstdint>
#include <vector>

#include "base/clock.h"
#include "client/deadlines.h"
#include "http/codec.h"
#include "net/listener.h"
#include "net/trusted_proxies.h"
#include "options/options.h"

namespace mew::client {

// More unread request body than this is not worth reading to keep a connection.
inline constexpr std::uint64_t kDrainBound = 1U << 20;

struct Settings {
    http::Limits limits;
    std::uint32_t post_buffering = 65536;     // body bytes awaited before the app is called
    std::uint32_t response_buffer = 1048576;  // answer bytes kept for a slow reader
    bool keep_alive = true;
    bool access_log = true;
    std::uint32_t min_rate = 0;             // bytes a second that a slow client must move; 0: any
    base::Milliseconds body_total_time{0};  // of one body, while we wait for it; 0: no limit
    int processes = 1;
    std::vector<net::ListenerInfo> listeners;

    net::TrustedProxies trusted_proxies;
    bool forwarded_proto_from_anyone = false;
    bool http_proxy_headers = false;    // connections to `http` sockets begin with a PROXY header
    bool socket_proxy_headers = false;  // and those to the others that speak HTTP

    bool speaks_http(std::uint32_t listener) const {
        return listeners[listener].protocol == net::Protocol::http;
    }
    bool expects_proxy_header(std::uint32_t listener) const {
        const net::ListenerInfo& info = listeners[listener];
        const bool routed = info.routed || info.option == "http";
        return speaks_http(listener) && (routed ? http_proxy_headers : socket_proxy_headers);
    }
};

Settings settings_from(const options::Options& options, std::vector<net::ListenerInfo> listeners);
// How long each limit of time is.
void set_durations(Deadlines& deadlines, const options::Options& options);

}  // namespace mew::client
