#pragma once
// Whose word about other connections counts: option `trusted-proxies`. Pure; nothing is looked up.
// Read when options are checked, and by whoever serves clients (client/forwarding, PROXY headers).
//
//   10.0.0.7   10.0.0.0/8   2001:db8::7   fd00::/8    addresses and networks
//   unix                                              peers on UNIX sockets
//   *                                                 whoever connects; but of the addresses that
//                                                     these name, only those that the others match
//
// Nobody is trusted by default, loopback included.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mew::net {

class TrustedProxies {
public:
    // Each text may hold several, parted by commas and blanks. The error says what to write.
    static base::Result<TrustedProxies> parse(const std::vector<std::string>& texts);

    bool empty() const { return networks_.empty() && !unix_ && !everybody_; }
    // `*` was among them.
    bool everybody() const { return everybody_; }
    // The other end of a connection, by the text of its address; "": of a UNIX socket.
    bool trusts_peer(std::string_view address) const {
        return everybody_ || (address.empty() ? unix_ : trusts(address));
    }
    // An address that a trusted peer named; false for what is no address.
    bool trusts(std::string_view address) const;

private:
    // IPv4, and IPv4-mapped IPv6, are four bytes.
    struct Network {
        std::array<std::uint8_t, 16> address{};
        std::uint8_t size = 0;  // bytes of the address: 4 or 16
        std::uint8_t bits = 0;  // that count
    };
    static bool read_address(std::string_view text, Network& network);
    static base::Result<void> read_size(std::string_view word, std::size_t slash, Network& network);
    static bool matches(const Network& network, const Network& one);
    base::Result<void> add(std::string_view word);

    std::vector<Network> networks_;
    bool unix_ = false;
    bool everybody_ = false;
};

}  // namespace mew::net
