#pragma once
// Which worker gets which request: the one with the fewest outstanding, of those that serve. What
// finds none waits here, first come first served, bounded in number and time. What waits behind a
// call that lasts is taken back, and what a dead worker leaves is given to others where that is
// safe.

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "control/gate.h"
#include "front/channel.h"
#include "front/context.h"

namespace mew::front {

class Dispatch {
public:
    using TellBroken = std::function<void(const WorkerId&, const std::string& what)>;
    Dispatch(Context& context, const control::Gate& gate, TellBroken tell_broken);
    ~Dispatch();

    // --- by connections
    void submit(Exchange& exchange);
    // It is over: it waits for nobody, and nobody for it.
    void withdraw(Exchange& exchange);
    void on_waited_too_long(Exchange& exchange);

    // --- by the master's messages
    base::Result<void> attach(WorkerId worker, std::uint32_t cores, mailbox::Channel memory,
                              os::Fd socket);
    // The worker's process is gone; `why_not` says why what it ran must not be run again.
    void on_ended(const WorkerId& worker, const std::string& why_not);

    // --- by channels
    void take_back(Exchange& exchange);
    void on_leaving(Channel& channel);
    void on_drained(Channel& channel);
    void on_worker_gone(Channel& channel);
    void on_broken(Channel& channel, const char* what);

    // --- by the loop
    // Reads answers, posts what waits, rings.
    void turn();
    // Before the loop waits: false if there is something to read at once. After it: awake().
    bool prepare_sleep();
    void awake();
    bool has_channels() const { return !channels_.empty(); }
    // At a stop, without a worker left, nobody will answer what waits.
    void refuse_waiting();

private:
    // Exchanges whose worker died in their middle, until the master says why.
    struct Judged {
        WorkerId worker;
        std::vector<Exchange*> exchanges;
        net::TimerId timer = 0;
    };

    Channel* best();
    bool fits(const Exchange& exchange) const;
    void refuse_size(Exchange& exchange);
    bool post(Exchange& exchange);
    void enqueue(Exchange& exchange);
    void requeue(Exchange& exchange);
    void dequeue(Exchange& exchange);
    void assign();
    void watch_posted(base::Milliseconds after);
    void look_at_posted();
    void remove(Channel& channel);
    void lose(Exchange& exchange, const WorkerId& worker, const std::string& why);
    void judge(const WorkerId& worker, const std::string& why_not);
    void forget_verdicts(const WorkerId& worker);
    void count();

    Context& context_;
    const control::Gate& gate_;
    TellBroken tell_broken_;
    std::vector<std::unique_ptr<Channel>> channels_;
    std::size_t next_ = 0;  // where the search for the best begins
    base::IntrusiveList<Exchange, QueueTag> waiting_;
    std::size_t waiting_count_ = 0;
    std::list<Judged> judged_;
    // What the master said of workers whose channels still stand.
    std::vector<std::pair<WorkerId, std::string>> verdicts_;
    net::TimerId look_timer_ = 0;
    base::MonotonicTime look_due_{};
    base::Milliseconds look_after_ = Channel::kPatience;
};

}  // namespace mew::front
