#pragma once
// The cores of a worker with `threads = N`: N threads that run the app, beside the loop, which
// never does. The loop hands over a connection whose request is whole; the thread runs the app and
// writes the answer to the socket itself; the loop is then told, by a descriptor that it watches.
//
// There is no lock: the loop knows which threads are free, and gives each its job by a word of that
// thread's own; threads that are done stand in a list that grows by one exchange and is taken
// whole.

#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "base/result.h"
#include "net/event_loop.h"
#include "os/fd.h"
#include "worker/context.h"
#include "worker/core.h"

namespace mew::worker {

class Pool final : public Cores, private net::EventHandler {
public:
    // What the language does around calls, each on the core's own thread.
    struct ThreadHooks {
        void (*begin)(void* context, Core& core) = nullptr;  // first of all; may set wait_hooks
        void (*enter)(void* context, Core& core) = nullptr;  // before calls
        void (*leave)(void* context, Core& core) = nullptr;  // before it waits for the next ones
        void (*end)(void* context, Core& core) = nullptr;    // last of all
        void* context = nullptr;
    };

    // A core for each bridge.
    Pool(Context& context, const std::vector<http::AppBridge*>& bridges);
    ~Pool() override;

    // `stack_size` in bytes, 0: the system's own.
    base::Result<void> start(ThreadHooks hooks, std::size_t stack_size);
    // Waits for the threads; none of them may be in a call that does not end.
    void stop();

    bool run(Job& job) override;

private:
    struct Thread;

    void on_event(std::uint32_t events) override;
    void give(Thread& thread, Job& job);
    void work(Thread& thread);
    Job* next(Thread& thread);
    void sleep(Thread& thread);
    void done(Thread& thread);

    Context& context_;
    ThreadHooks hooks_;
    os::Fd wake_;  // in the loop: something is done
    std::vector<std::unique_ptr<Thread>> threads_;
    std::vector<Thread*> free_;  // the loop's
    std::deque<Job*> waiting_;   // the loop's: only an asynchronous one has more jobs than threads
    std::atomic<Thread*> done_{nullptr};  // the last one first
};

}  // namespace mew::worker
