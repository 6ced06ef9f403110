#pragma once
// The PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt): what a balancer that
// passes connections on says, before anything else, of whose connection it is. Sans-I/O and without
// state: whoever serves a connection shows all that came of it so far, until the outcome is not
// `more`, and then goes on behind `size`. The same outcome however the bytes were split.
//
// Whether the peer is to be believed is not decided here: net/trusted_proxies.

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mew::net {

// Version 2 allows 64 KiB of extensions; a few hundred bytes are what is seen.
inline constexpr std::size_t kLongestProxyHeader = 4096;

struct ProxyHeader {
    enum class Outcome : std::uint8_t { more, done, refused };
    Outcome outcome = Outcome::more;
    std::size_t size = 0;     // done: bytes of the header
    bool has_source = false;  // done, false: the connection's own address counts (LOCAL, UNKNOWN,
                              // a family that is none of TCP over IPv4 and IPv6)
    sockaddr_storage source{};
    std::string_view fault;  // refused: why, static text
};

ProxyHeader parse_proxy_header(std::string_view bytes);

}  // namespace mew::net
