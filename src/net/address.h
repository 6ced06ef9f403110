#pragma once
// The text of a listening address, taken apart; pure. Nothing is looked up and nothing opened:
// options call it to tell mistakes before a socket is bound, the master to bind.
//
//   ":8000" "*:8000" any IPv4   "host:8000" "1.2.3.4:8000"   "[::1]:8000"   port 0 or none: a free
//   "192.168.*:8000" the first interface that matches        one
//   "/run/app.sock" "app.sock" UNIX path   "@name" abstract
//   "fd://3" inherited descriptor   "::" inherited descriptor 0   "=0" shared-socket, by its place

#include <cstdint>
#include <string>

#include "base/result.h"

namespace mew::net {

struct Address {
    enum class Kind : std::uint8_t {
        ipv4,
        ipv4_pattern,
        ipv6,
        unix_path,
        unix_abstract,
        descriptor,
        shared
    };
    Kind kind = Kind::ipv4;
    std::string host;  // name or number; empty: any. UNIX: the path, or the name without "@".
                       // Pattern: what comes before its "*"
    std::uint16_t port = 0;
    int number = 0;  // of the descriptor, or of the shared socket
};

base::Result<Address> parse_address(const std::string& text);

}  // namespace mew::net
