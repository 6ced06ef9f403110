#include "master/listeners.h"

namespace mew::master {

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
