#include "python/connections.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>

namespace mew::python {
namespace {

struct Address {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
};

template <class Family>
Family as(const Address& address) {
    Family family;
    std::memcpy(&family, &address.storage, sizeof family);
    return family;
}

std::string show_unix(const Address& address) {
    const auto un = as<sockaddr_un>(address);
    constexpr std::size_t kStart = offsetof(sockaddr_un, sun_path);
    if (address.size <= kStart) return "a UNIX socket";
    std::string path(un.sun_path, address.size - kStart);
    if (path.front() == '\0') path.front() = '@';  // abstract
    path.erase(std::find(path.begin(), path.end(), '\0'), path.end());
    return path;
}

std::string show_inet(int family, const void* host, in_port_t port) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family, host, text.data(), text.size());
    const std::string name =
        family == AF_INET6 ? "[" + std::string(text.data()) + "]" : std::string(text.data());
    return name + ":" + std::to_string(ntohs(port));
}

std::string show(const Address& address) {
    switch (address.storage.ss_family) {
        case AF_INET: {
            const auto in = as<sockaddr_in>(address);
            return show_inet(AF_INET, &in.sin_addr, in.sin_port);
        }
        case AF_INET6: {
            const auto in = as<sockaddr_in6>(address);
            return show_inet(AF_INET6, &in.sin6_addr, in.sin6_port);
        }
        case AF_UNIX:
            return show_unix(address);
        default:
            return "another host";
    }
}

// A socketpair made here: the kernel names its maker as the peer.
bool is_own_pair(int fd, const Address& address) {
    if (address.storage.ss_family != AF_UNIX) return false;
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == ::getpid();
}

std::vector<int> list_sockets() {
    std::vector<int> sockets;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
    if (!folder) return sockets;
    while (const dirent* const entry = ::readdir(folder.get())) {
        struct stat facts {};
        const int fd = static_cast<int>(std::strtol(entry->d_name, nullptr, 10));
        if (entry->d_name[0] == '.' || ::fstat(fd, &facts) != 0) continue;
        if (S_ISSOCK(facts.st_mode)) sockets.push_back(fd);
    }
    std::sort(sockets.begin(), sockets.end());
    return sockets;
}

}  // namespace

std::vector<Connection> list_connections() {
    std::vector<Connection> found;
    for (const int fd : list_sockets()) {
        Address address;
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address.storage), &address.size) != 0)
            continue;
        if (is_own_pair(fd, address)) continue;
        found.push_back({fd, show(address)});
    }
    return found;
}

}  // namespace mew::python
