#pragma once
// What all connections of a worker share: the loop, limits, counters, buffers that are in use only
// inside one event, and the app.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/intrusive_list.h"
#include "http/codec.h"
#include "http/exchange.h"
#include "net/event_loop.h"
#include "net/listener.h"
#include "stats/board.h"
#include "worker/deadlines.h"
#include "worker/refusal_log.h"

namespace mew::worker {

class Connection;
struct RegistryTag;
struct RunnableTag;

inline constexpr std::size_t kReceiveBuffer = 65536;

// What a wait inside an exchange (for body bytes, for a slow reader) is framed with: the app's
// other threads may run meanwhile.
using WaitHooks = net::EventLoop::WaitHooks;

struct Settings {
    http::Limits limits;
    std::uint32_t post_buffering = 65536;     // body bytes awaited before the app is called
    std::uint32_t response_buffer = 1048576;  // answer bytes kept for a slow reader
    bool keep_alive = true;
    bool access_log = true;
    std::vector<net::ListenerInfo> listeners;
};

enum class Phase : std::uint8_t {
    waiting,  // ready, not yet told to serve
    serving,
    retiring,  // a successor takes new connections and the idle ones of ours
    stopping,  // nobody does: idle connections are closed
};

struct Context {
    Context(net::EventLoop& the_loop, const Settings& the_settings, stats::Slot& the_slot,
            http::AppBridge& the_bridge)
        : loop(the_loop),
          settings(the_settings),
          slot(the_slot),
          bridge(the_bridge),
          deadlines(the_loop) {}

    // What the board shows between requests.
    stats::WorkerState resting_state() const {
        return phase == Phase::serving ? stats::WorkerState::idle : stats::WorkerState::retiring;
    }

    net::EventLoop& loop;
    const Settings& settings;
    stats::Slot& slot;
    http::AppBridge& bridge;
    Deadlines deadlines;
    WaitHooks wait_hooks;
    Phase phase = Phase::waiting;

    // Connections with decoded or received bytes to go on with in the next turn.
    base::IntrusiveList<Connection, RunnableTag> runnable;
    base::IntrusiveList<Connection, RegistryTag> connections;

    std::string access_lines;
    std::uint64_t next_peer_tag = 1;
    int pid = 0;  // for the access log
    RefusalLog refusal_log;

    // Where sockets are read into. A second one serves reads that an app does in the middle of an
    // exchange, when the first still holds that exchange's head.
    std::array<char, kReceiveBuffer> receive_buffer;
    std::array<char, kReceiveBuffer> body_buffer;
    // The answer being encoded; empty between exchanges.
    std::string out;
};

}  // namespace mew::worker
