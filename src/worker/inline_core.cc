#include "worker/inline_core.h"

#include <unistd.h>

#include "log/log.h"
#include "worker/job.h"
#include "worker/rescue.h"

namespace mew::worker {

void end_forked_child() {
    log::error("fork-came-back",
               "the app forked inside a request and the child returned from it; the child ends "
               "here (end it with os._exit)");
    ::_exit(1);
}

bool InlineCore::run(Job& job) {
    if (rescue_ == nullptr) {
        (void)job.run_app(core_);
        return true;
    }
    rescue_->on_call_begins();
    (void)job.run_app(core_);
    rescue_->on_call_ended();
    return true;
}

}  // namespace mew::worker
