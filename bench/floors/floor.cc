// Floor 1: what the kernel and the event loop cost. Answers every request with the same bytes,
// which are those of bench/apps/hello.py. Native, no Python. Usage: floor PORT [close]
//
// With "close" it ends the connection after each answer, and says so: what a server that does so
// cannot avoid either, and much more than the rest of its work.
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "loop.h"

namespace {

constexpr std::string_view kKept =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 13\r\n"
    "\r\n"
    "Hello, World!";

constexpr std::string_view kLast =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 13\r\n"
    "Connection: close\r\n"
    "\r\n"
    "Hello, World!";

}  // namespace

int main(int argc, char** argv) {
    const long port = argc >= 2 ? std::strtol(argv[1], nullptr, 10) : 0;
    const bool closes = argc == 3 && std::string_view(argv[2]) == "close";
    if (port < 1 || port > 65535 || (argc > 2 && !closes)) {
        std::fprintf(stderr, "usage: floor PORT [close]\n");
        return 2;
    }
    const int listener = mew::bench::listen_on(static_cast<std::uint16_t>(port));
    if (listener < 0) {
        std::perror("floor: cannot listen");
        return 1;
    }
    mew::bench::serve(listener, [closes](int connection) {
        return mew::bench::send_whole(connection, closes ? kLast : kKept) && !closes;
    });
    std::perror("floor: cannot go on");
    return 1;
}
