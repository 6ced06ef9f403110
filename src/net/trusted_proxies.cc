#include "net/trusted_proxies.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/format.h"

namespace mew::net {

namespace {

constexpr std::string_view kParts = ", \t";
constexpr std::size_t kLongestShown = 64;
constexpr unsigned kMappedBits = 96;  // ::ffff:0:0/96 is IPv4

base::Unexpected<base::Error> not_a_proxy(std::string_view word, std::string_view why) {
    std::string shown(word.substr(0, kLongestShown));
    std::replace_if(
        shown.begin(), shown.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return base::fail(base::format("{}: {}", shown, why));
}

}  // namespace

bool TrustedProxies::read_address(std::string_view text, Network& network) {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) return false;
    std::copy(text.begin(), text.end(), copy.begin());
    in6_addr ipv6{};
    if (::inet_pton(AF_INET, copy.data(), network.address.data()) == 1) {
        network.size = 4;
    } else if (::inet_pton(AF_INET6, copy.data(), &ipv6) != 1) {
        return false;
    } else if (IN6_IS_ADDR_V4MAPPED(&ipv6)) {
        std::memcpy(network.address.data(), &ipv6.s6_addr[12], 4);
        network.size = 4;
    } else {
        std::memcpy(network.address.data(), &ipv6, sizeof ipv6);
        network.size = 16;
    }
    network.bits = static_cast<std::uint8_t>(network.size * 8);
    return true;
}

// The number behind the slash. Bits beyond it must be clear: who writes 10.0.0.7/8 may well mean
// the one address.
base::Result<void> TrustedProxies::read_size(std::string_view word, std::size_t slash,
                                             Network& network) {
    const std::string_view address = word.substr(0, slash);
    const std::string_view size = word.substr(slash + 1);
    const bool mapped = network.size == 4 && address.find(':') != std::string_view::npos;
    const unsigned least = mapped ? kMappedBits : 0;
    const unsigned most = least + network.size * 8U;
    unsigned bits = 0;
    const auto [end, error] = std::from_chars(size.begin(), size.end(), bits);
    if (error != std::errc() || end != size.end() || bits < least || bits > most) {
        return not_a_proxy(word, base::format("the size of this network is a number from {} to {}, "
                                              "as in {}/{}",
                                              least, most, address, most - 8));
    }
    network.bits = static_cast<std::uint8_t>(bits - least);
    Network first = network;
    for (unsigned bit = network.bits; bit < network.size * 8U; ++bit)
        first.address[bit / 8] &= static_cast<std::uint8_t>(~(0x80U >> bit % 8));
    if (first.address == network.address) return {};
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(network.size == 4 ? AF_INET : AF_INET6, first.address.data(), text.data(),
                text.size());
    return not_a_proxy(word, base::format("write {} for the one address, or {}/{} for the network",
                                          address, text.data(), network.bits));
}

bool TrustedProxies::matches(const Network& network, const Network& one) {
    if (network.size != one.size) return false;
    const std::size_t whole = network.bits / 8;
    if (std::memcmp(network.address.data(), one.address.data(), whole) != 0) return false;
    const unsigned rest = network.bits % 8;
    return rest == 0 || ((network.address[whole] ^ one.address[whole]) >> (8 - rest)) == 0;
}

bool TrustedProxies::trusts(std::string_view address) const {
    Network one;
    if (networks_.empty() || !read_address(address, one)) return false;
    return std::any_of(networks_.begin(), networks_.end(),
                       [&](const Network& network) { return matches(network, one); });
}

base::Result<void> TrustedProxies::add(std::string_view word) {
    if (word == "unix" || word == "*") {
        (word == "*" ? everybody_ : unix_) = true;
        return {};
    }
    Network network;
    const std::size_t slash = word.find('/');
    if (!read_address(word.substr(0, slash), network)) {
        return not_a_proxy(word,
                           "write an address (10.0.0.7, ::1), a network (10.0.0.0/8, fd00::/8), "
                           "unix for peers on UNIX sockets, or * for whoever connects");
    }
    if (slash != std::string_view::npos) {
        if (auto read = read_size(word, slash, network); !read) return read;
    }
    networks_.push_back(network);
    return {};
}

base::Result<TrustedProxies> TrustedProxies::parse(const std::vector<std::string>& texts) {
    TrustedProxies proxies;
    for (const std::string_view text : texts) {
        std::size_t at = text.find_first_not_of(kParts);
        while (at != std::string_view::npos) {
            const std::size_t end = std::min(text.find_first_of(kParts, at), text.size());
            if (auto added = proxies.add(text.substr(at, end - at)); !added)
                return std::move(added).failure();
            at = text.find_first_not_of(kParts, end);
        }
    }
    return proxies;
}

}  // namespace mew::net
