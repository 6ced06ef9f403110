#include "master/listeners.h"

#include <algorithm>

namespace mew::master {
namespace {

bool is_fronts(const std::string& option) {
    return option == "http" || option == "https" || option == "https-dev" ||
           option == "http-to-https";
}

}  // namespace

void route_listeners(Holdings& holdings) {
    const bool fronts = static_cast<bool>(holdings.program.front);
    for (net::Listener& listener : holdings.listeners)
        listener.info.routed = fronts && is_fronts(listener.info.option);
}

bool has_routed_listeners(const Holdings& holdings) {
    return std::any_of(holdings.listeners.begin(), holdings.listeners.end(),
                       [](const net::Listener& listener) { return listener.info.routed; });
}

base::Result<void> grow_listeners(Holdings& holdings, Serving serving, int processes) {
    for (net::Listener& listener : holdings.listeners) {
        if (listener.info.routed != (serving == Serving::fronts)) continue;
        while (!listener.info.slot_fds.empty() &&
               listener.info.slot_fds.size() < static_cast<std::size_t>(processes)) {
            if (auto added = net::add_slot_socket(listener); !added) return added;
        }
    }
    return {};
}

}  // namespace mew::master
