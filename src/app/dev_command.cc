#include "app/dev_command.h"

#include <cstdio>

#include "net/listener.h"
#include "net/port_holder.h"
#include "options/dev.h"

namespace mew::app {
namespace {

constexpr int kTries = 100;

bool is_free(const std::string& address) {
    return net::bind_listener(net::Protocol::http, "http", address, {}).has_value();
}

std::string own_address(int port) {
    return std::string(options::kOwnHost) + ":" + std::to_string(port);
}

}  // namespace

std::vector<std::string> dev_arguments(const std::vector<std::string>& rest) {
    std::vector<std::string> arguments{"--dev"};
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    return arguments;
}

bool choose_free_port(const options::Loaded& loaded, std::vector<std::string>& arguments) {
    if (!options::may_choose_port(loaded) || is_free(own_address(options::kOwnPort))) return false;
    for (int port = options::kOwnPort + 1; port <= options::kOwnPort + kTries; ++port) {
        if (!is_free(own_address(port))) continue;
        std::fprintf(stderr, "mewsgi: port %d is taken by %s; serving on port %d\n",
                     static_cast<int>(options::kOwnPort),
                     net::describe_port_holder(options::kOwnPort).c_str(), port);
        arguments.insert(arguments.begin(), "--http=" + own_address(port));
        return true;
    }
    return false;  // binding will tell who has it
}

}  // namespace mew::app
