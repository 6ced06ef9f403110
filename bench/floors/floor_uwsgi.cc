// The floor under the uwsgi protocol: a connection per request, accept, one recv, one fixed send,
// close. Native, no Python; parses nothing but the size of the packet. Tells how much of what a
// server costs behind uwsgi_pass is the kernel's. Run by bench/probes/uwsgi-nginx as its own
// process, never part of mewsgi. Usage: floor_uwsgi PATH|PORT
#include <sys/un.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "loop.h"

namespace {

constexpr std::string_view kAnswer =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 13\r\n"
    "\r\n"
    "Hello, World!";
constexpr std::size_t kHeaderSize = 4;

int listen_at(const char* path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (std::strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    std::memcpy(address.sun_path, path, std::strlen(path));
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) return -1;
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 1024) != 0)
        return -1;
    return listener;
}

// On TCP the kernel is told to keep a connection back until its first bytes have come: one wake-up
// fewer, and much less to pay for it.
int listen_on_port(std::uint16_t port) {
    const int listener = mew::bench::listen_on(port);
    const int seconds = 4;
    if (listener >= 0)
        ::setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
    return listener;
}

bool is_whole(std::string_view packet) {
    if (packet.size() < kHeaderSize) return false;
    const auto low = static_cast<unsigned char>(packet[1]);
    const auto high = static_cast<unsigned char>(packet[2]);
    return packet.size() == kHeaderSize + low + 256U * high;
}

// False: nothing has come yet. A packet in pieces is closed, which shows as an error.
bool serve_one(int connection) {
    std::array<char, 4096> buffer;
    const ssize_t got = ::recv(connection, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EAGAIN) return false;
    if (got > 0 && is_whole({buffer.data(), static_cast<std::size_t>(got)}))
        mew::bench::send_whole(connection, kAnswer);
    ::close(connection);
    return true;
}

void serve(int listener) {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || !mew::bench::watch(epoll, listener)) return;
    std::array<epoll_event, 256> events;
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), events.size(), -1);
        if (count < 0 && errno != EINTR) return;
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd != listener) {
                serve_one(fd);
                continue;
            }
            const int connection =
                ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            // The web server sends as soon as it has connected, so mostly there is something.
            if (connection < 0 || serve_one(connection)) continue;
            if (!mew::bench::watch(epoll, connection)) ::close(connection);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: floor_uwsgi PATH|PORT\n");
        return 2;
    }
    const long port = std::strtol(argv[1], nullptr, 10);
    const bool is_port = port > 0 && port < 65536;
    const int listener =
        is_port ? listen_on_port(static_cast<std::uint16_t>(port)) : listen_at(argv[1]);
    if (listener < 0) {
        std::perror("floor_uwsgi: cannot listen");
        return 1;
    }
    serve(listener);
    std::perror("floor_uwsgi: cannot go on");
    return 1;
}
