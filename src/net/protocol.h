#pragma once
// What is spoken on a listening socket. Options name it, the master passes it on with the socket,
// a worker makes the codec that it asks for.

#include <cstdint>

namespace mew::net {

enum class Protocol : std::uint8_t {
    http,        // HTTP/1.1 and 1.0
    uwsgi,       // uwsgi packets, one request a connection
    uwsgi_kept,  // the same, and the connection is kept ("puwsgi")
    fastcgi,
    scgi,
};
inline constexpr std::uint8_t kProtocols = 5;

}  // namespace mew::net
