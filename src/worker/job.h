#pragma once
// What a core runs: one exchange, whichever way it came. Keeps account of the cores and of what the
// exchange was, on the board and in the access log.
//
//   begin() > run_app(), on a core's thread > [on_core_done(), in the loop] > end()

#include <cstdint>
#include <string_view>

#include "base/intrusive_list.h"
#include "http/request_head.h"
#include "worker/context.h"

namespace mew::worker {

class Job : public base::ListNode<RunningTag>,
            public base::ListNode<OverTag>,
            public http::ExchangeOwner {
public:
    // On the thread of a core: the app runs.
    virtual http::Ran run_app(Core& core) = 0;
    // In the loop: the exchange that a pool's thread ran, or that went on, is over.
    virtual void on_core_done() = 0;

protected:
    Job() = default;
    ~Job() = default;

    // An exchange that went on is over: the loop's next turn calls on_core_done().
    static void end_later(Context& context, Job& job);
    // A core is taken, in the loop's turn.
    void begin(Context& context);
    struct Outcome {
        const http::RequestHead& head;
        std::string_view address;  // of the connection
        int status = 0;
        std::uint64_t head_bytes = 0;
        std::uint64_t body_bytes = 0;
        std::size_t headers = 0;
        const Core* core = nullptr;
        bool app_failed = false;
        bool aborted = false;  // the client left
    };
    // The core is free again.
    void end(Context& context, const Outcome& outcome);

private:
    void write_access_line(Context& context, const Outcome& outcome, std::uint64_t micros) const;
    void count(Context& context, const Outcome& outcome) const;

    base::MonotonicTime started_{};
};

}  // namespace mew::worker
