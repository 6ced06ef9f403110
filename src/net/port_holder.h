#pragma once
// Who listens on a TCP port: for the message of a master that finds its port taken. Reads /proc;
// slow (every descriptor of every process), so called on that failure only.

#include <cstdint>
#include <string>

namespace mew::net {

// "pid 1234 (python3 manage.py runserver)", "this server itself: ..." or what little /proc tells.
std::string describe_port_holder(std::uint16_t port);

}  // namespace mew::net
