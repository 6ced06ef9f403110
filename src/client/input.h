#pragma once
// Bytes of a client before they are decoded.

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace mew::client {

// recv(2), again where a signal came between.
ssize_t receive(int socket, char* buffer, std::size_t size);

// Is something there that was not received?
bool has_input(int socket);

// Makes `rest` all that `held` holds; it may lie in there. What is empty takes no memory.
void keep(std::string& held, std::string_view rest);

}  // namespace mew::client
