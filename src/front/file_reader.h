#pragma once
// Reads files for the loop of a front without ever letting it wait for a disk. What lies in memory
// is read at once (preadv2 with RWF_NOWAIT); what does not, and every read of a file system that
// cannot tell, is made by a small pool of threads, whose results come back by an eventfd in the
// loop.
//
// Used by those who send files: spilled answers (front/spill) and files that workers hand over. All
// calls are the loop's; what the threads see of a read is its job, under the lock or alone.

#include <pthread.h>
#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/result.h"
#include "net/event_loop.h"
#include "os/fd.h"

namespace mew::front {

class FileReader final : private net::EventHandler {
public:
    // At least one byte; none: `offset` is at the end of the file or behind it.
    using Done = std::function<void(base::Result<std::string> bytes)>;

    struct Limits {
        int threads = 2;
        std::size_t in_flight = 4096;  // reads that were given to the threads
    };
    // The system calls, for tests that need a cold file or a slow disk.
    struct Calls {
        ssize_t (*read_cached)(int fd, std::span<char> to, off_t offset);
        ssize_t (*read)(int fd, std::span<char> to, off_t offset);
    };
    static const Calls kSystemCalls;

    explicit FileReader(net::EventLoop& loop);
    FileReader(net::EventLoop& loop, Limits limits, Calls calls);
    // Waits for the reads that threads are at; no callback is called any more.
    ~FileReader() override;

    // A read under way: forgotten, and its callback with it, when this dies. Must not outlive the
    // reader.
    class Ticket {
    public:
        Ticket() = default;
        Ticket(Ticket&& other) noexcept
            : reader_(std::exchange(other.reader_, nullptr)), id_(other.id_) {}
        Ticket& operator=(Ticket&& other) noexcept;
        ~Ticket() { cancel(); }
        void cancel();

    private:
        friend class FileReader;
        Ticket(FileReader& reader, std::uint64_t id) : reader_(&reader), id_(id) {}
        FileReader* reader_ = nullptr;
        std::uint64_t id_ = 0;
    };

    // Starts the threads; else the first read_later() does.
    base::Result<void> start();

    // How many bytes were read: 0 at the end of the file; nothing: it would have to wait.
    base::Result<std::optional<std::size_t>> read_at_once(int fd, std::uint64_t offset,
                                                          std::span<char> to);
    // Up to `size` bytes by a thread; `done` is called by the loop, never before this has returned.
    // `fd` may be closed meanwhile.
    base::Result<Ticket> read_later(int fd, std::uint64_t offset, std::size_t size, Done done);

    std::size_t in_flight() const { return jobs_.size(); }
    std::uint64_t reads_at_once() const { return reads_at_once_; }
    std::uint64_t reads_by_threads() const { return reads_by_threads_; }

private:
    struct Job;

    void on_event(std::uint32_t events) override;
    static void* thread_main(void* self);
    void work();
    void finish(Job& job);
    void cancel(std::uint64_t id);

    net::EventLoop& loop_;
    Limits limits_;
    Calls calls_;
    os::Fd wake_;  // in the loop: a job is finished
    std::vector<pthread_t> threads_;
    std::unordered_map<std::uint64_t, std::unique_ptr<Job>> jobs_;
    std::uint64_t next_id_ = 1;
    std::uint64_t reads_at_once_ = 0;
    std::uint64_t reads_by_threads_ = 0;

    std::mutex lock_;
    std::condition_variable came_;
    std::deque<Job*> waiting_;
    std::vector<Job*> finished_;
    bool stopping_ = false;
};

}  // namespace mew::front
