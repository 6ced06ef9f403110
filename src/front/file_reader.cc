#include "front/file_reader.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "os/signals.h"

namespace mew::front {
namespace {

ssize_t read_cached(int fd, std::span<char> to, off_t offset) {
    const iovec part{to.data(), to.size()};
    return ::preadv2(fd, &part, 1, offset, RWF_NOWAIT);
}

ssize_t read_waiting(int fd, std::span<char> to, off_t offset) {
    return ::pread(fd, to.data(), to.size(), offset);
}

// The file system cannot say whether it would wait.
bool cannot_tell(int error) { return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL; }

base::Unexpected<base::Error> read_failed(int error) {
    return base::fail_errno("cannot read a file that was to be sent", error);
}

}  // namespace

const FileReader::Calls FileReader::kSystemCalls{read_cached, read_waiting};

struct FileReader::Job {
    std::uint64_t id = 0;
    os::Fd file;
    std::uint64_t offset = 0;
    std::size_t size = 0;
    Done done;  // empty: nobody waits for it any more; the loop's
    // The thread's, until it is finished.
    std::string bytes;
    int error = 0;
};

FileReader::FileReader(net::EventLoop& loop) : FileReader(loop, {}, kSystemCalls) {}

FileReader::FileReader(net::EventLoop& loop, Limits limits, Calls calls)
    : loop_(loop), limits_(limits), calls_(calls) {}

FileReader::~FileReader() {
    {
        const std::lock_guard held(lock_);
        stopping_ = true;
        waiting_.clear();
    }
    came_.notify_all();
    for (const pthread_t thread : threads_) ::pthread_join(thread, nullptr);
    if (wake_) loop_.remove(wake_.get(), *this);
}

base::Result<void> FileReader::start() {
    if (!wake_) {
        wake_.reset(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        if (!wake_) return base::fail_errno("cannot make the wake-up of the threads that read");
        if (auto added = loop_.add(wake_.get(), EPOLLIN, *this); !added) {
            wake_.reset();
            return added;
        }
    }
    const os::BlockedSignals blocked;
    while (threads_.size() < static_cast<std::size_t>(limits_.threads)) {
        pthread_t thread{};
        const int problem = ::pthread_create(&thread, nullptr, thread_main, this);
        if (problem != 0 && !threads_.empty()) break;  // fewer do
        if (problem != 0) return base::fail_errno("cannot start a thread that reads", problem);
        threads_.push_back(thread);
    }
    return {};
}

base::Result<std::optional<std::size_t>> FileReader::read_at_once(int fd, std::uint64_t offset,
                                                                  std::span<char> to) {
    ssize_t got = -1;
    do got = calls_.read_cached(fd, to, static_cast<off_t>(offset));
    while (got < 0 && errno == EINTR);
    if (got >= 0) {
        ++reads_at_once_;
        return std::optional(static_cast<std::size_t>(got));
    }
    if (errno == EAGAIN || cannot_tell(errno)) return std::optional<std::size_t>();
    return read_failed(errno);
}

base::Result<FileReader::Ticket> FileReader::read_later(int fd, std::uint64_t offset,
                                                        std::size_t size, Done done) {
    if (threads_.empty()) {
        if (auto started = start(); !started) return std::move(started).failure();
    }
    if (jobs_.size() >= limits_.in_flight)
        return base::fail(std::to_string(jobs_.size()) +
                          " reads of files wait for the disk: no more are begun");
    os::Fd own(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!own) return base::fail_errno("cannot keep a file open that is to be read");
    auto job = std::make_unique<Job>();
    job->id = next_id_++;
    job->file = std::move(own);
    job->offset = offset;
    job->size = size;
    job->done = std::move(done);
    ++reads_by_threads_;
    const std::uint64_t id = job->id;
    {
        const std::lock_guard held(lock_);
        waiting_.push_back(job.get());
    }
    jobs_.emplace(id, std::move(job));
    came_.notify_one();
    return Ticket(*this, id);
}

void FileReader::on_event(std::uint32_t) {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
    std::vector<Job*> finished;
    {
        const std::lock_guard held(lock_);
        finished.swap(finished_);
    }
    for (Job* const job : finished) {
        // Out of the list first: the callback may begin reads, and cancel others of this batch.
        const std::unique_ptr<Job> own = std::move(jobs_.extract(job->id).mapped());
        if (!own->done) continue;
        if (own->error != 0)
            own->done(read_failed(own->error));
        else
            own->done(std::move(own->bytes));
    }
}

// A job that a thread has seen is freed by on_event().
void FileReader::cancel(std::uint64_t id) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    found->second->done = nullptr;
    const std::lock_guard held(lock_);
    if (std::erase(waiting_, found->second.get()) != 0) jobs_.erase(found);
}

FileReader::Ticket& FileReader::Ticket::operator=(Ticket&& other) noexcept {
    if (this != &other) {
        cancel();
        reader_ = std::exchange(other.reader_, nullptr);
        id_ = other.id_;
    }
    return *this;
}

void FileReader::Ticket::cancel() {
    if (reader_ != nullptr) std::exchange(reader_, nullptr)->cancel(id_);
}

// --- on the threads

void* FileReader::thread_main(void* self) {
    ::prctl(PR_SET_NAME, "mewsgi-reader");
    static_cast<FileReader*>(self)->work();
    return nullptr;
}

void FileReader::work() {
    for (;;) {
        Job* job = nullptr;
        {
            std::unique_lock held(lock_);
            came_.wait(held, [this] { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
            job = waiting_.front();
            waiting_.pop_front();
        }
        job->bytes.resize(job->size);
        ssize_t got = -1;
        do got = calls_.read(job->file.get(), job->bytes, static_cast<off_t>(job->offset));
        while (got < 0 && errno == EINTR);
        if (got < 0) job->error = errno;
        job->bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        finish(*job);
    }
}

void FileReader::finish(Job& job) {
    {
        const std::lock_guard held(lock_);
        finished_.push_back(&job);
        if (finished_.size() > 1) return;  // the loop was told, and has not come yet
    }
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t told = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace mew::front
