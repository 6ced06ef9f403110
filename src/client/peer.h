#pragma once
// The text of a client's address, ready for CGI variables; no allocation.
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string_view>

namespace mew::client {

class PeerText {
public:
    PeerText() = default;
    // IPv4-mapped IPv6 addresses are shown as IPv4. UNIX sockets: both texts are empty.
    explicit PeerText(const sockaddr_storage& from);

    // False: its bytes came from elsewhere, and are none of a peer's.
    bool valid() const { return address_size_ <= address_.size() && port_size_ <= port_.size(); }
    std::string_view address() const { return {address_.data(), address_size_}; }
    std::string_view port() const { return {port_.data(), port_size_}; }

private:
    std::array<char, 46> address_{};
    std::array<char, 6> port_{};
    std::uint8_t address_size_ = 0;
    std::uint8_t port_size_ = 0;
};

}  // namespace mew::client
