// Floor 1: what the kernel and the event loop cost. Answers every request with the same bytes, which
// are those of bench/apps/hello.py. Native, no Python. Usage: floor PORT
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "loop.h"

namespace {

constexpr std::string_view kResponse =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain\r\n"
    "Content-Length: 13\r\n"
    "\r\n"
    "Hello, World!";

bool write_fixed(int connection) {
    return ::write(connection, kResponse.data(), kResponse.size()) ==
           static_cast<ssize_t>(kResponse.size());
}

}  // namespace

int main(int argc, char** argv) {
    const long port = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
    if (port < 1 || port > 65535) {
        std::fprintf(stderr, "usage: floor PORT\n");
        return 2;
    }
    const int listener = mew::bench::listen_on(static_cast<std::uint16_t>(port));
    if (listener < 0) {
        std::perror("floor: cannot listen");
        return 1;
    }
    mew::bench::serve(listener, write_fixed);
    std::perror("floor: cannot go on");
    return 1;
}
