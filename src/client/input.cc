#include "client/input.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/give_back.h"

namespace mew::client {

ssize_t receive(int socket, char* buffer, std::size_t size) {
    ssize_t got = 0;
    do {
        got = ::recv(socket, buffer, size, 0);
    } while (got < 0 && errno == EINTR);
    return got;
}

bool has_input(int socket) {
    char byte = 0;
    return ::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

void keep(std::string& held, std::string_view rest) {
    if (rest.empty()) {
        if (!held.empty()) base::give_back(held);
    } else if (rest.data() >= held.data() && rest.data() < held.data() + held.size()) {
        held.erase(0, static_cast<std::size_t>(rest.data() - held.data()));
    } else {
        held.assign(rest);
    }
}

}  // namespace mew::client
