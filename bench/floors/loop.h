// The event loop of both floors: epoll, level-triggered, one thread, keep-alive, one read and one
// write per request. Run by `bench/run` as its own process, never part of mewsgi.
//
// It is the least that any server on sockets does, and only right for a client that sends one whole
// request at a time and waits for the answer, as wrk does. It parses nothing; the one thing it
// looks at is whether the bytes end a request head. If not, it closes the connection, which wrk
// counts as an error: so it cannot look fast by answering what was not asked.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace mew::bench {

// A listener on 127.0.0.1:port, or -1 with errno set.
inline int listen_on(std::uint16_t port) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) return -1;
    const int on = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    // Inherited by every accepted connection, so it costs no call per connection.
    ::setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener, 1024) != 0) {
        ::close(listener);
        return -1;
    }
    return listener;
}

inline bool watch(int epoll, int fd) {
    epoll_event interest{};
    interest.events = EPOLLIN;
    interest.data.fd = fd;
    return ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest) == 0;
}

inline void accept_one(int epoll, int listener) {
    const int connection = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (connection >= 0 && !watch(epoll, connection)) ::close(connection);
}

// recv and send take a shorter way through the kernel than read and write; without MSG_NOSIGNAL a
// client that leaves early would end the process.
inline bool send_whole(int connection, std::string_view bytes) {
    return ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
}

// Reads one request and has it answered; false when the connection is to be closed.
template <typename Answer>
bool turn(int connection, Answer& answer) {
    std::array<char, 4096> buffer;
    const ssize_t got = ::recv(connection, buffer.data(), buffer.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    const std::string_view request(buffer.data(), static_cast<std::size_t>(got));
    return request.ends_with("\r\n\r\n") && answer(connection);
}

// Serves until epoll fails. `answer(fd)` writes a whole response and tells whether that worked.
template <typename Answer>
void serve(int listener, Answer&& answer) {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || !watch(epoll, listener)) return;
    std::array<epoll_event, 256> events;
    for (;;) {
        const int count = ::epoll_wait(epoll, events.data(), events.size(), -1);
        if (count < 0 && errno != EINTR) return;
        for (int i = 0; i < count; ++i) {
            const int fd = events[static_cast<std::size_t>(i)].data.fd;
            if (fd == listener) {
                accept_one(epoll, listener);
            } else if (!turn(fd, answer)) {
                ::close(fd);
            }
        }
    }
}

}  // namespace mew::bench
