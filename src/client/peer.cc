#include "client/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <charconv>
#include <cstring>

namespace mew::client {

PeerText::PeerText(const sockaddr_storage& from) {
    in_port_t port = 0;
    if (from.ss_family == AF_INET) {
        sockaddr_in ipv4{};
        std::memcpy(&ipv4, &from, sizeof ipv4);
        ::inet_ntop(AF_INET, &ipv4.sin_addr, address_.data(), address_.size());
        port = ipv4.sin_port;
    } else if (from.ss_family == AF_INET6) {
        sockaddr_in6 ipv6{};
        std::memcpy(&ipv6, &from, sizeof ipv6);
        if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
            ::inet_ntop(AF_INET, &ipv6.sin6_addr.s6_addr[12], address_.data(), address_.size());
        } else {
            ::inet_ntop(AF_INET6, &ipv6.sin6_addr, address_.data(), address_.size());
        }
        port = ipv6.sin6_port;
    } else {
        return;
    }
    address_size_ = static_cast<std::uint8_t>(std::strlen(address_.data()));
    const auto end = std::to_chars(port_.data(), port_.data() + port_.size(), ntohs(port)).ptr;
    port_size_ = static_cast<std::uint8_t>(end - port_.data());
}

}  // namespace mew::client
