#include "net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "base/check.h"
#include "net/address.h"
#include "net/port_holder.h"
#include "net/socket_name.h"
#include "net/unix_listener.h"
#include "os/proc.h"

namespace mew::net {
namespace {

std::string own_host_name() {
    std::array<char, HOST_NAME_MAX + 1> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
    return name.data();
}

int somaxconn() {
    int most = SOMAXCONN;
    if (const auto text = os::read_small_file("/proc/sys/net/core/somaxconn", 64))
        std::from_chars(text->data(), text->data() + text->size(), most);
    return most;
}

// What the kernel would do silently, said.
int clip_backlog(int wanted, std::string& warning) {
    const int most = somaxconn();
    if (wanted <= most) return wanted;
    warning = "the backlog (listen) is " + std::to_string(most) + ", not " +
              std::to_string(wanted) + ": the system's limit net.core.somaxconn; raise that " +
              "limit with sysctl, or ask for less";
    return most;
}

base::Unexpected<base::Error> bind_failure(const Address& address, const std::string& text) {
    const int code = errno;
    const std::string port = std::to_string(address.port);
    std::string what;
    if (code == EADDRINUSE) {
        what = "port " + port + " is taken by " + describe_port_holder(address.port) +
               "; stop it, or choose another port";
    } else if (code == EACCES) {
        what = "port " + port +
               " may only be bound by root (or with CAP_NET_BIND_SERVICE); "
               "choose one above 1023";
    } else if (code == EADDRNOTAVAIL) {
        what =
            "no interface of this machine has the address '" + address.host + "' of '" + text + "'";
    } else {
        return base::fail_errno("cannot bind '" + text + "'", code);
    }
    return {base::Error{code, std::move(what)}};
}

bool set_flag(int fd, int level, int option) {
    const int on = 1;
    return ::setsockopt(fd, level, option, &on, sizeof on) == 0;
}

// NODELAY: accepted connections inherit it, which saves a call on each.
base::Result<os::Fd> open_tcp(int family, bool reuse_port) {
    os::Fd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    if (!fd) return base::fail_errno("cannot open a socket");
    if (!set_flag(fd.get(), SOL_SOCKET, SO_REUSEADDR) ||
        !set_flag(fd.get(), IPPROTO_TCP, TCP_NODELAY) ||
        (reuse_port && !set_flag(fd.get(), SOL_SOCKET, SO_REUSEPORT)))
        return base::fail_errno("cannot prepare a socket");
    return fd;
}

// A web server in front connects when it has a request, and sends it at once: the kernel may wait
// for that before it wakes a worker, which saves a wake-up. Others may connect ahead.
void defer_accepts(int fd, Protocol protocol) {
    if (protocol == Protocol::http) return;
    const int seconds = 5;
    (void)::setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
}

base::Result<os::Fd> listen_on_tcp(const Address& address, const std::string& text, int backlog,
                                   bool reuse_port) {
    auto list = look_up(address, text);
    if (!list) return std::move(list).failure();
    const addrinfo& place = **list;
    if (reuse_port && address.port != 0) {
        // Another server's socket with the same flag would share the port with us, silently: a
        // socket without it finds out.
        auto plain = open_tcp(place.ai_family, false);
        if (plain && ::bind(plain->get(), place.ai_addr, place.ai_addrlen) != 0)
            return bind_failure(address, text);
    }
    auto fd = open_tcp(place.ai_family, reuse_port);
    if (!fd) return fd;
    if (::bind(fd->get(), place.ai_addr, place.ai_addrlen) != 0) return bind_failure(address, text);
    // Two sockets may be bound to one port with SO_REUSEADDR; only one of them may listen.
    if (::listen(fd->get(), backlog) != 0) return bind_failure(address, text);
    return fd;
}

// As written, except for what the kernel or the interfaces had a say in.
std::string shown_address(const Address& address, const std::string& text, int fd) {
    const bool pattern = address.kind == Address::Kind::ipv4_pattern;
    const bool tcp =
        pattern || address.kind == Address::Kind::ipv4 || address.kind == Address::Kind::ipv6;
    if (!tcp || (address.port != 0 && !pattern)) return text;
    const auto name = name_of_socket(fd);
    if (!name) return text;
    if (pattern) return name->text;
    const bool v6 = address.kind == Address::Kind::ipv6;
    return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(name->port);
}

}  // namespace

std::vector<int> ListenerInfo::fds_of(std::uint32_t slot, std::uint32_t slots) const {
    if (fd < 0) return {};
    if (slot_fds.empty()) return {fd};
    std::vector<int> fds;
    for (std::size_t i = slot - 1; i < slot_fds.size(); i += slots) fds.push_back(slot_fds[i]);
    return fds;
}

void describe_listener(Listener& listener, Protocol protocol, const std::string& option,
                       const std::string& address) {
    ListenerInfo& info = listener.info;
    info.fd = listener.fd.get();
    info.protocol = protocol;
    info.option = option;
    info.address = address;
    info.server_name = own_host_name();
    const auto name = name_of_socket(info.fd);
    info.unix_socket = name && name->unix_socket;
    if (name && !name->unix_socket) info.server_port = std::to_string(name->port);
}

base::Result<Listener> bind_listener(Protocol protocol, const std::string& option,
                                     const std::string& address, const BindSettings& settings) {
    auto parsed = parse_address(address);
    if (!parsed) return std::move(parsed).failure();
    MEW_CHECK(parsed->kind != Address::Kind::descriptor && parsed->kind != Address::Kind::shared);
    Listener listener;
    const int backlog = clip_backlog(settings.backlog, listener.warning);
    const bool path = parsed->kind == Address::Kind::unix_path;
    const bool abstract = parsed->kind == Address::Kind::unix_abstract;
    if (path) {
        std::error_code problem;
        listener.path = std::filesystem::absolute(parsed->host, problem).string();
        if (problem) return base::fail("cannot find the current folder: " + problem.message());
        if (auto fits = parse_address(listener.path); !fits) return std::move(fits).failure();
    }
    auto fd = path       ? listen_on_path(listener.path, settings, backlog)
              : abstract ? listen_on_abstract(parsed->host, backlog)
                         : listen_on_tcp(*parsed, address, backlog, settings.reuse_port);
    if (!fd) return std::move(fd).failure();
    listener.fd = std::move(*fd);
    listener.backlog = backlog;
    describe_listener(listener, protocol, option,
                      shown_address(*parsed, address, listener.fd.get()));
    if (!listener.info.unix_socket) defer_accepts(listener.info.fd, protocol);
    if (settings.reuse_port && !listener.info.unix_socket)
        listener.info.slot_fds.push_back(listener.info.fd);
    return listener;
}

base::Result<void> add_slot_socket(Listener& listener) {
    sockaddr_storage place{};
    socklen_t size = sizeof place;
    if (::getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&place), &size) != 0)
        return base::fail_errno("cannot find the address of '" + listener.info.address + "'");
    auto fd = open_tcp(place.ss_family, true);
    if (!fd) return std::move(fd).failure();
    if (::bind(fd->get(), reinterpret_cast<const sockaddr*>(&place), size) != 0 ||
        ::listen(fd->get(), listener.backlog) != 0)
        return base::fail_errno("cannot bind one more socket to '" + listener.info.address + "'");
    defer_accepts(fd->get(), listener.info.protocol);
    listener.info.slot_fds.push_back(fd->get());
    listener.more_fds.push_back(std::move(*fd));
    return {};
}

}  // namespace mew::net
