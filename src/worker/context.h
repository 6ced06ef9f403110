#pragma once
// What all connections of a worker share: the loop, limits, counters, buffers that are in use only
// inside one event, and the cores that run the app. Belongs to whoever runs the loop: code that an
// app call runs may read `settings` and `phase`, and touch nothing else in here.

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "base/intrusive_list.h"
#include "client/deadlines.h"
#include "client/forwarding.h"
#include "client/pace.h"
#include "client/peer.h"
#include "client/refusal_log.h"
#include "client/send_queue.h"
#include "client/settings.h"
#include "control/gate.h"
#include "http/codec.h"
#include "http/exchange.h"
#include "net/event_loop.h"
#include "net/listener.h"
#include "stats/board.h"
#include "worker/core.h"

namespace mew::worker {

// A client's connection, as both ways in see it.
using client::Deadlines;
using client::Limit;
using client::Pace;
using client::PeerText;
using client::RefusalLog;
using client::SendQueue;
using client::Settings;
using client::Timed;

class Connection;
class RoutedExchange;
class WebSocket;

struct RegistryTag;
struct RunnableTag;
struct RunningTag;
struct OverTag;
struct NewsTag;
struct WebSocketTag;

// Where nothing waits in a call: what an app may have on its way to a client before it is to pause,
// and until it may go on.
inline constexpr std::size_t kMuchUnsent = 65536;
inline constexpr std::size_t kLittleUnsent = 16384;

enum class Phase : std::uint8_t {
    waiting,  // ready, not yet told to serve
    serving,
    retiring,  // a successor takes new connections and the idle ones of ours
    stopping,  // nobody does: idle connections are closed
};

struct Context {
    Context(net::EventLoop& the_loop, const Settings& the_settings, stats::Slot& the_slot)
        : loop(the_loop),
          settings(the_settings),
          slot(the_slot),
          deadlines(the_loop),
          forwarding(the_settings) {}

    // What the board shows between requests.
    stats::WorkerState resting_state() const {
        const Phase now = phase.load(std::memory_order_relaxed);
        if (now == Phase::waiting) return stats::WorkerState::ready;
        return now == Phase::serving ? stats::WorkerState::idle : stats::WorkerState::retiring;
    }
    bool is(Phase wanted) const { return phase.load(std::memory_order_relaxed) == wanted; }
    // No core is free: a request that is whole has to wait, or to go to another worker.
    bool busy() const { return busy_cores == core_count; }
    // Is there another process that may take a connection of ours?
    bool has_takers() const {
        return handover_fd >= 0 &&
               (((settings.processes > 1 || superseded()) && is(Phase::serving)) ||
                is(Phase::retiring));
    }

    // Another generation serves: nothing more is accepted here.
    bool superseded() const { return gate != nullptr && !gate->serves(generation); }
    // A turn of the loop is due, from outside of one: where another loop drives this one.
    void ask_for_turn() {
        if (turn_due.call != nullptr) turn_due.call(turn_due.owner);
    }
    // Something begins to wait for a core: in a while it may go to another worker instead.
    void on_first_waiting() {
        if (first_waiting.call != nullptr) first_waiting.call(first_waiting.worker);
    }

    net::EventLoop& loop;
    const Settings& settings;
    stats::Slot& slot;
    Cores* cores = nullptr;
    int core_count = 1;
    int busy_cores = 0;
    bool goes_on = false;  // exchanges go on beside each other, and wait nowhere
    struct {
        void (*call)(void* worker) = nullptr;
        void* worker = nullptr;
    } first_waiting;
    struct {
        void (*call)(void* owner) = nullptr;
        void* owner = nullptr;
    } turn_due;
    const control::Gate* gate = nullptr;
    std::uint32_t generation = 0;
    int handover_fd = -1;  // to hand connections on; -1: there is nobody
    Deadlines deadlines;
    std::atomic<Phase> phase = Phase::waiting;

    // Connections that wait for a core, or for their next turn, first come first served.
    base::IntrusiveList<Connection, RunnableTag> runnable;
    base::IntrusiveList<Connection, RegistryTag> connections;
    // Exchanges whose app is running, the longest first.
    base::IntrusiveList<Job, RunningTag> running;
    // Those that went on and are over.
    base::IntrusiveList<Job, OverTag> over;
    // Those that go on, and that nobody else will tell of what came.
    base::IntrusiveList<RoutedExchange, NewsTag> news;
    // WebSockets, and how many of them are not destroyed yet.
    base::IntrusiveList<WebSocket, WebSocketTag> websockets;
    std::size_t taken_over = 0;

    std::string access_lines;
    std::uint64_t next_peer_tag = 1;
    int pid = 0;  // for the access log
    RefusalLog refusal_log;
    client::Forwarding forwarding;

    // Where sockets are read into. Inline, the app's call in progress may hold on to the first:
    // whoever runs the loop meanwhile takes the other one.
    std::array<std::array<char, kReceiveBuffer>, 2> receive_buffers;
    std::size_t receive_index = 0;
    std::vector<char> handover_buffer;
    char* receive_buffer() { return receive_buffers[receive_index].data(); }
    // Answers of our own, while no exchange is open.
    std::string out;
};

}  // namespace mew::worker
