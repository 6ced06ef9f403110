#pragma once
// The text of a listening address, taken apart; pure. Nothing is looked up and nothing opened, so
// options may call it to tell mistakes before a socket is bound.
//
//   ":8000" any IPv4   "host:8000" "1.2.3.4:8000"   "[::1]:8000"   port 0 or none: a free one
//   "/run/app.sock" "app.sock" UNIX path            "@name" abstract

#include <cstdint>
#include <string>

#include "base/result.h"

namespace mew::net {

struct Address {
    enum class Kind : std::uint8_t { ipv4, ipv6, unix_path, unix_abstract };
    Kind kind = Kind::ipv4;
    std::string host;  // name or number; empty: any. UNIX: the path, or the name without "@"
    std::uint16_t port = 0;
};

base::Result<Address> parse_address(const std::string& text);

}  // namespace mew::net
