#include "worker/pool.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "os/forked.h"
#include "os/futex.h"
#include "os/signals.h"
#include "worker/job.h"

namespace mew::worker {

struct Pool::Thread {
    Thread(Pool& the_pool, int number, http::AppBridge& bridge)
        : pool(the_pool), core(number, bridge) {}

    static void* main(void* self) {
        auto* const own = static_cast<Thread*>(self);
        own->pool.work(*own);
        return nullptr;
    }

    Pool& pool;
    Core core;
    pthread_t handle{};
    bool started = false;
    std::atomic<std::uint32_t> word{0};  // kAsleep, kHasJob, kStop
    Job* job = nullptr;  // from kHasJob on, until the loop has heard that it is done
    Thread* next_done = nullptr;
};

namespace {
constexpr std::uint32_t kAsleep = 1;
constexpr std::uint32_t kHasJob = 2;
constexpr std::uint32_t kStop = 4;
}  // namespace

Pool::Pool(Context& context, const std::vector<http::AppBridge*>& bridges) : context_(context) {
    int number = 0;
    for (http::AppBridge* bridge : bridges)
        threads_.push_back(std::make_unique<Thread>(*this, number++, *bridge));
    free_.reserve(threads_.size());
    for (const auto& thread : threads_) free_.push_back(thread.get());
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
    for (const auto& thread : threads_) {
        if ((thread->word.fetch_or(kStop) & kAsleep) != 0) os::futex_wake(thread->word);
    }
    for (const auto& thread : threads_) {
        if (std::exchange(thread->started, false)) ::pthread_join(thread->handle, nullptr);
    }
    if (wake_) context_.loop.remove(wake_.get(), *this);
    wake_.reset();
}

bool Pool::run(Job& job) {
    if (free_.empty()) {
        waiting_.push_back(&job);
        return false;
    }
    Thread& thread = *free_.back();
    free_.pop_back();
    give(thread, job);
    return false;
}

void Pool::give(Thread& thread, Job& job) {
    thread.job = &job;
    const std::uint32_t before = thread.word.fetch_or(kHasJob, std::memory_order_acq_rel);
    if ((before & kAsleep) != 0) os::futex_wake(thread.word, 1);
}

// --- on the threads

void Pool::work(Thread& thread) {
    if (hooks_.begin) hooks_.begin(hooks_.context, thread.core);
    while (Job* job = next(thread)) {
        (void)job->run_app(thread.core);
        if (os::is_forked_child()) end_forked_child();
        done(thread);
    }
    if (hooks_.end) hooks_.end(hooks_.context, thread.core);
}

// nullptr: the pool stops, and there is no job left. Enters and leaves only around a wait, so a
// busy thread does neither.
Job* Pool::next(Thread& thread) {
    for (;;) {
        const std::uint32_t seen = thread.word.load(std::memory_order_acquire);
        if ((seen & kHasJob) != 0) {
            thread.word.fetch_and(~kHasJob, std::memory_order_relaxed);
            return thread.job;
        }
        if ((seen & kStop) != 0) return nullptr;
        if (hooks_.leave) hooks_.leave(hooks_.context, thread.core);
        sleep(thread);
        if (hooks_.enter) hooks_.enter(hooks_.context, thread.core);
    }
}

void Pool::sleep(Thread& thread) {
    while ((thread.word.fetch_or(kAsleep, std::memory_order_acq_rel) & ~kAsleep) == 0)
        os::futex_wait(thread.word, kAsleep);
    thread.word.fetch_and(~kAsleep, std::memory_order_relaxed);
}

void Pool::done(Thread& thread) {
    thread.next_done = done_.load(std::memory_order_relaxed);
    while (!done_.compare_exchange_weak(thread.next_done, &thread, std::memory_order_acq_rel,
                                        std::memory_order_relaxed)) {
    }
    if (thread.next_done != nullptr) return;  // the loop was told and has not looked yet
    const std::uint64_t one = 1;
    (void)!::write(wake_.get(), &one, sizeof one);
}

// --- in the loop

void Pool::on_event(std::uint32_t) {
    std::uint64_t count = 0;
    (void)!::read(wake_.get(), &count, sizeof count);
    std::vector<Thread*> threads;
    threads.reserve(threads_.size());
    for (Thread* one = done_.exchange(nullptr, std::memory_order_acq_rel); one != nullptr;
         one = one->next_done)
        threads.push_back(one);
    // The last one came first.
    for (auto at = threads.rbegin(); at != threads.rend(); ++at) {
        Thread& thread = **at;
        Job& job = *thread.job;
        if (waiting_.empty()) {
            free_.push_back(&thread);
        } else {
            Job& next = *waiting_.front();
            waiting_.pop_front();
            give(thread, next);
        }
        job.on_core_done();
    }
}

}  // namespace mew::worker
