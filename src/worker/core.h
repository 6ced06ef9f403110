#pragma once
// A core is a place where the app runs, one call at a time: the loop's own thread (inline), or one
// thread of a pool. It has what an exchange needs while the app runs, so that an exchange touches
// nothing that the loop, or another core, may be using just then.

#include <array>
#include <string>

#include "http/exchange.h"
#include "net/event_loop.h"

namespace mew::worker {

class Job;

inline constexpr std::size_t kReceiveBuffer = 65536;

// What a wait inside an exchange (for body bytes, for a slow reader) is framed with: the app's
// other threads may run meanwhile.
using WaitHooks = net::EventLoop::WaitHooks;

struct Core {
    Core(int the_number, http::AppBridge& the_bridge) : number(the_number), bridge(the_bridge) {}

    bool waits = true;  // an exchange may wait in a call; else it goes on later
    int number;         // as `uwsgi.core` and the access log show it
    http::AppBridge& bridge;
    WaitHooks wait_hooks;
    std::string out;  // the answer being encoded; empty between exchanges
    // For reads in the middle of an exchange: the loop's buffer may still hold that exchange's
    // head.
    std::array<char, kReceiveBuffer> body_buffer;
};

// The app forked inside a request, and the child returned from it: the loop and the connections are
// the parent's, and nothing here is the child's to go on with. Says so and ends this process.
[[noreturn]] void end_forked_child();

// Who runs the app: InlineCore or Pool.
class Cores {
public:
    virtual ~Cores() = default;
    // Calls run_app() of `job` on a core that is free. True: that is done. False: it is
    // under way on another thread, and the loop will be told.
    virtual bool run(Job& job) = 0;
};

}  // namespace mew::worker
