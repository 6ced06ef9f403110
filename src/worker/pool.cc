#include "worker/pool.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "os/forked.h"
#include "os/signals.h"
#include "worker/job.h"

namespace mew::worker {

struct Pool::Thread {
    Thread(Pool& the_pool, int number, http::AppBridge& bridge)
        : pool(the_pool), core(number, bridge) {}

    static void* main(void* self) {
        auto* const own = static_cast<Thread*>(self);
        own->pool.work(own->core);
        return nullptr;
    }

    Pool& pool;
    Core core;
    pthread_t handle{};
    bool started = false;
};

Pool::Pool(Context& context, const std::vector<http::AppBridge*>& bridges) : context_(context) {
    int number = 0;
    for (http::AppBridge* bridge : bridges)
        threads_.push_back(std::make_unique<Thread>(*this, number++, *bridge));
    waiting_.reserve(threads_.size());
    done_.reserve(threads_.size());
}

Pool::~Pool() { stop(); }

base::Result<void> Pool::start(ThreadHooks hooks, std::size_t stack_size) {
    hooks_ = hooks;
    wake_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!wake_) return base::fail_errno("cannot make the wake-up of the thread pool");
    if (auto added = context_.loop.add(wake_.get(), EPOLLIN, *this); !added) return added;
    // Signals are for the thread that runs the app's handlers.
    const os::BlockedSignals blocked;
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    int error = stack_size != 0 ? ::pthread_attr_setstacksize(&attributes, stack_size) : 0;
    for (const auto& thread : threads_) {
        if (error != 0) break;
        error = ::pthread_create(&thread->handle, &attributes, Thread::main, thread.get());
        thread->started = error == 0;
        if (thread->started)
            ::pthread_setname_np(thread->handle,
                                 ("mewsgi-core-" + std::to_string(thread->core.number)).c_str());
    }
    ::pthread_attr_destroy(&attributes);
    if (error != 0) return base::fail_errno("cannot start the threads of the worker", error);
    return {};
}

void Pool::stop() {
    {
        const std::lock_guard held(lock_);
        stopping_ = true;
    }
    came_.notify_all();
    for (const auto& thread : threads_) {
        if (std::exchange(thread->started, false)) ::pthread_join(thread->handle, nullptr);
    }
    if (wake_) context_.loop.remove(wake_.get(), *this);
    wake_.reset();
}

bool Pool::run(Job& job) {
    {
        const std::lock_guard held(lock_);
        waiting_.push_back(&job);
    }
    came_.notify_one();
    return false;
}

// --- on the threads

void Pool::work(Core& core) {
    if (hooks_.begin) hooks_.begin(hooks_.context, core);
    while (Job* job = next(core)) {
        (void)job->run_app(core);
        if (os::is_forked_child()) end_forked_child();
        done(*job);
    }
    if (hooks_.end) hooks_.end(hooks_.context, core);
}

// nullptr: the pool stops. Enters and leaves only around a wait, so a busy thread does neither.
Job* Pool::next(Core& core) {
    std::unique_lock held(lock_);
    if (waiting_.empty() && !stopping_) {
        held.unlock();
        if (hooks_.leave) hooks_.leave(hooks_.context, core);
        held.lock();
        came_.wait(held, [this] { return !waiting_.empty() || stopping_; });
        Job* const found = take_first();
        held.unlock();
        if (hooks_.enter) hooks_.enter(hooks_.context, core);
        return found;
    }
    return take_first();
}

Job* Pool::take_first() {
    if (waiting_.empty()) return nullptr;
    Job* const first = waiting_.front();
    waiting_.erase(waiting_.begin());
    return first;
}

void Pool::done(Job& job) {
    bool first = false;
    {
        const std::lock_guard held(lock_);
        first = done_.empty();
        done_.push_back(&job);
    }
    if (!first) return;  // the loop was told and has not looked yet
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
}

// --- in the loop

void Pool::on_event(std::uint32_t) {
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
    std::vector<Job*> done;
    done.reserve(threads_.size());
    {
        const std::lock_guard held(lock_);
        done.swap(done_);
    }
    for (Job* job : done) job->on_core_done();
}

}  // namespace mew::worker
