#include "worker/async_cores.h"

#include "base/check.h"
#include "worker/job.h"
#include "worker/pool.h"

namespace mew::worker {

bool AsyncCores::run(Job& job) {
    switch (job.run_app(core_)) {
        case http::Ran::done:
            return true;
        case http::Ran::goes_on:
            return false;
        case http::Ran::elsewhere:
            break;
    }
    MEW_CHECK(pool_ != nullptr);
    return pool_->run(job);
}

}  // namespace mew::worker
