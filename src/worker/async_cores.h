#pragma once
// The cores of a worker whose app does not occupy a thread for each request (ASGI): all of them are
// one place, the loop's own thread, where an exchange begins and later goes on. What needs a thread
// that may wait (a WSGI app mounted beside) goes to a pool.

#include "worker/core.h"

namespace mew::worker {

class Pool;

class AsyncCores final : public Cores {
public:
    explicit AsyncCores(http::AppBridge& bridge) : core_(0, bridge) { core_.waits = false; }

    // nullptr: no app needs one.
    void set_pool(Pool* pool) { pool_ = pool; }
    bool run(Job& job) override;

private:
    Core core_;
    Pool* pool_ = nullptr;
};

}  // namespace mew::worker
