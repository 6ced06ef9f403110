#include "master/listeners.h"

#include <cstdlib>

#include "master/greeting.h"

namespace mew::master {

std::vector<std::string> bind_listeners(Holdings& holdings, const options::Options& options) {
    std::vector<std::string> mistakes;
    net::BindSettings settings;
    settings.backlog = options.listen;
    settings.owner = options.chown_socket;
    settings.reuse_port = options.reuse_port;
    if (!options.chmod_socket.empty())
        settings.mode = static_cast<mode_t>(std::strtoul(options.chmod_socket.c_str(), nullptr, 8));
    for (const options::ListenAddress& address : options.listen_addresses) {
        auto listener =
            net::bind_listener(address.protocol, address.option, address.address, settings);
        if (!listener) {
            mistakes.push_back(address.option + " " + address.address + ": " +
                               listener.error().text);
            continue;
        }
        log::info("bound", "{}", bound_line(listener->info));
        holdings.listeners.push_back(std::move(*listener));
    }
    return mistakes;
}

base::Result<void> grow_listeners(Holdings& holdings, int processes) {
    for (net::Listener& listener : holdings.listeners) {
        while (!listener.info.slot_fds.empty() &&
               listener.info.slot_fds.size() < static_cast<std::size_t>(processes)) {
            if (auto added = net::add_slot_socket(listener); !added) return added;
        }
    }
    return {};
}

}  // namespace mew::master
