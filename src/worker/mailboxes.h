#pragma once
// The routed way into a worker: the channels to all fronts, and the exchanges on them. Posted
// requests are taken when a core is free; a worker that retires takes no more, and the front posts
// them elsewhere.
//
// Belongs to whoever runs the loop. While an inline call lasts and the rescue thread has it,
// nothing is taken; that the front is gone is heard all the same.

#include <cstdint>
#include <memory>
#include <vector>

#include "mailbox/taking_side.h"
#include "os/fd.h"
#include "worker/context.h"
#include "worker/routed_exchange.h"

namespace mew::worker {

class Mailboxes {
public:
    explicit Mailboxes(Context& context);
    ~Mailboxes();

    // A channel to a front; an error names what is wrong with it.
    base::Result<void> attach(const os::Fd& memory, os::Fd socket);
    // Takes and runs what is posted, as far as cores are free.
    void run();
    // Before the loop waits: false if there is something to run at once. After it: awake().
    bool prepare_sleep();
    void awake();
    // Nothing more is taken; `empty` once the fronts have let go.
    void leave();
    bool empty() const { return attachments_.empty(); }

private:
    class Attachment;

    void run_one(Attachment& attachment, mailbox::Taken taken);
    void on_done(RoutedExchange& exchange);
    void give_back(RoutedExchange& exchange);
    void drop(Attachment& attachment);
    void forget_gone();

    Context& context_;
    std::vector<std::unique_ptr<Attachment>> attachments_;
    std::vector<std::unique_ptr<RoutedExchange>> spare_;
    std::uint64_t next_channel_ = 1;
    bool left_ = false;
    bool running_ = false;  // inside run(): no attachment is deleted
};

}  // namespace mew::worker
