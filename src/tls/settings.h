#pragma once
// What all certificates of a server have in common.

#include <chrono>
#include <cstdint>

namespace mew::tls {

inline constexpr std::uint32_t kMostEarlyData = 16384;  // bytes of a connection

enum class Version : std::uint8_t { tls12, tls13 };

struct Settings {
    Version oldest = Version::tls12;
    bool http2 = true;  // offer h2 before http/1.1 (ALPN)
    // Take what clients send before the handshake is over (0-RTT, TLS 1.3 only). Such bytes may be
    // a replay of somebody's, and fronts share no memory of what came: only requests that are safe
    // to repeat may be answered before Session::in_early_data() ends (RFC 8470).
    bool early_data = false;
    std::chrono::seconds ticket_lifetime{7200};
    int verify_depth = 2;  // of clients' certificates: how many stand between theirs and a root
};

}  // namespace mew::tls
