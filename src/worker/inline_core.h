#pragma once
// The one core of a worker without a pool: the app runs on the loop's own thread, inside the event
// that made its request whole. While it runs, the rescue thread guards the loop.

#include "worker/core.h"

namespace mew::worker {

class Rescue;

class InlineCore final : public Cores {
public:
    explicit InlineCore(http::AppBridge& bridge) : core_(0, bridge) {}

    void set_wait_hooks(WaitHooks hooks) { core_.wait_hooks = hooks; }
    // nullptr: nobody guards the loop.
    void set_rescue(Rescue* rescue) { rescue_ = rescue; }
    bool run(Job& job) override;

private:
    Core core_;
    Rescue* rescue_ = nullptr;
};

}  // namespace mew::worker
