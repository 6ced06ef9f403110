#include "net/socket_name.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace mew::net {
namespace {

struct Place {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);

    int family() const { return storage.ss_family; }
    template <class Kind>
    Kind as() const {
        Kind one{};
        std::memcpy(&one, &storage, sizeof one);
        return one;
    }
};

bool read_place(int fd, Place& place) {
    return ::getsockname(fd, reinterpret_cast<sockaddr*>(&place.storage), &place.size) == 0;
}

// "/run/app.sock", or "@name" for an abstract one.
std::string unix_name(const Place& place) {
    const auto one = place.as<sockaddr_un>();
    const std::size_t size = place.size - offsetof(sockaddr_un, sun_path);
    std::string name(one.sun_path, std::min(size, sizeof one.sun_path));
    if (!name.empty() && name.front() == '\0') {
        name.front() = '@';
    } else {
        name.resize(std::min(name.find('\0'), name.size()));
    }
    return name;
}

std::string numeric(int family, const void* address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    ::inet_ntop(family, address, text.data(), text.size());
    return text.data();
}

struct FreeInterfaces {
    void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

// "192.168." to the address of the first interface that is up and begins so.
base::Result<std::string> find_interface(const std::string& beginning) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0)
        return base::fail_errno("cannot list the addresses of this machine");
    const std::unique_ptr<ifaddrs, FreeInterfaces> owner(list);
    std::string others;
    for (const ifaddrs* one = list; one != nullptr; one = one->ifa_next) {
        if (one->ifa_addr == nullptr || one->ifa_addr->sa_family != AF_INET) continue;
        sockaddr_in address{};
        std::memcpy(&address, one->ifa_addr, sizeof address);
        const std::string found = numeric(AF_INET, &address.sin_addr);
        if ((one->ifa_flags & IFF_UP) != 0 && found.starts_with(beginning)) return found;
        others += (others.empty() ? "" : ", ") + found;
    }
    return base::fail("no interface of this machine has an address that begins with " + beginning +
                      "; there is: " + (others.empty() ? "none at all" : others));
}

bool is_any(const in6_addr& address) { return std::memcmp(&address, &in6addr_any, 16) == 0; }

bool takes_version4(int fd) {
    int only = 1;
    socklen_t size = sizeof only;
    return ::getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) == 0 && only == 0;
}

bool is_same_path(const std::string& bound, const std::string& wanted) {
    std::error_code ignored;
    const auto whole = [&](const std::string& path) {
        return std::filesystem::weakly_canonical(path, ignored);
    };
    return bound == wanted || whole(bound) == whole(wanted);
}

bool is_same_place(int fd, const Place& bound, const addrinfo& wanted) {
    if (wanted.ai_family == AF_INET6 && bound.family() == AF_INET6) {
        sockaddr_in6 one{};
        std::memcpy(&one, wanted.ai_addr, sizeof one);
        const auto other = bound.as<sockaddr_in6>();
        return one.sin6_port == other.sin6_port &&
               std::memcmp(&one.sin6_addr, &other.sin6_addr, sizeof one.sin6_addr) == 0;
    }
    if (wanted.ai_family != AF_INET) return false;
    sockaddr_in one{};
    std::memcpy(&one, wanted.ai_addr, sizeof one);
    if (bound.family() == AF_INET6) {
        const auto other = bound.as<sockaddr_in6>();
        return one.sin_addr.s_addr == INADDR_ANY && one.sin_port == other.sin6_port &&
               is_any(other.sin6_addr) && takes_version4(fd);
    }
    const auto other = bound.as<sockaddr_in>();
    return bound.family() == AF_INET && one.sin_port == other.sin_port &&
           one.sin_addr.s_addr == other.sin_addr.s_addr;
}

}  // namespace

bool is_local_only(int fd) {
    Place place;
    if (!read_place(fd, place)) return false;
    if (place.family() == AF_UNIX) return true;
    if (place.family() == AF_INET) {
        constexpr std::uint32_t kLoopbackNet = 127;  // 127.0.0.0/8, RFC 1122 3.2.1.3
        return ntohl(place.as<sockaddr_in>().sin_addr.s_addr) >> 24 == kLoopbackNet;
    }
    const in6_addr address = place.as<sockaddr_in6>().sin6_addr;
    return place.family() == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&address);
}

base::Result<SocketName> name_of_socket(int fd) {
    Place place;
    if (!read_place(fd, place))
        return base::fail_errno("cannot tell what descriptor " + std::to_string(fd) +
                                " is bound to");
    SocketName name;
    if (place.family() == AF_UNIX) {
        name.unix_socket = true;
        name.text = unix_name(place);
    } else if (place.family() == AF_INET6) {
        const auto one = place.as<sockaddr_in6>();
        name.port = ntohs(one.sin6_port);
        name.text = "[" + numeric(AF_INET6, &one.sin6_addr) + "]:" + std::to_string(name.port);
    } else {
        const auto one = place.as<sockaddr_in>();
        name.port = ntohs(one.sin_port);
        name.text = numeric(AF_INET, &one.sin_addr) + ":" + std::to_string(name.port);
    }
    return name;
}

base::Result<AddressList> look_up(const Address& address, const std::string& text) {
    std::string host = address.host;
    if (address.kind == Address::Kind::ipv4_pattern) {
        auto found = find_interface(host);
        if (!found) return std::move(found).failure();
        host = std::move(*found);
    }
    addrinfo hints{};
    hints.ai_family = address.kind == Address::Kind::ipv6 ? AF_INET6 : AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    const std::string port = std::to_string(address.port);
    addrinfo* list = nullptr;
    const int problem =
        ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &list);
    if (problem != 0)
        return base::fail("'" + host + "' in the address '" + text +
                          "' is no address of this machine: " + ::gai_strerror(problem));
    return AddressList(list);
}

bool is_bound_to(int fd, const Address& address, const std::string& text) {
    Place bound;
    if (!read_place(fd, bound)) return false;
    const bool abstract = address.kind == Address::Kind::unix_abstract;
    if (abstract || address.kind == Address::Kind::unix_path) {
        if (bound.family() != AF_UNIX) return false;
        const std::string name = unix_name(bound);
        if (abstract) return name == "@" + address.host;
        return !name.starts_with('@') && is_same_path(name, address.host);
    }
    if (bound.family() == AF_UNIX || address.port == 0) return false;
    const auto wanted = look_up(address, text);
    return wanted && is_same_place(fd, bound, **wanted);
}

}  // namespace mew::net
