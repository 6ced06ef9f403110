#pragma once
// What a listening socket is bound to, as text and as the kernel has it; and the lookup of what an
// address text means here. Run by the master, called by net/listener and net/inherited.

#include <netdb.h>
#include <sys/socket.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/address.h"

namespace mew::net {

struct SocketName {
    std::string text;  // "127.0.0.1:8000", "[::]:8000", "/run/app.sock", "@name"
    bool unix_socket = false;
    std::uint16_t port = 0;
};
base::Result<SocketName> name_of_socket(int fd);

// Only processes of this machine can connect: a UNIX socket, or a loopback address.
bool is_local_only(int fd);

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using AddressList = std::unique_ptr<addrinfo, FreeAddresses>;

// The TCP kinds only. `text` is the whole address, for the message.
base::Result<AddressList> look_up(const Address& address, const std::string& text);

// Whether `fd` is the socket that binding to `address` would have made. A free port never is;
// "any" of IPv4 is also the socket that takes IPv4 and IPv6 alike, as systemd makes them.
bool is_bound_to(int fd, const Address& address, const std::string& text);

}  // namespace mew::net
