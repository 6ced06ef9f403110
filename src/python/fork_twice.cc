#include "python/fork_twice.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace mew::python {
namespace {

constexpr int kForkDeadline = 10'000;       // ms; a fork of a very large process takes a while
constexpr long kReparentStep = 50'000;      // ns between two looks at getppid()
constexpr int kReparentLooks = 5 * 20'000;  // 5 s

struct Pipe {
    os::Fd read;
    os::Fd write;
};

base::Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return base::fail_errno("cannot make a pipe for a fork");
    return Pipe{os::Fd(ends[0]), os::Fd(ends[1])};
}

bool wait_readable(int fd) {
    pollfd poller{fd, POLLIN, 0};
    int ready = 0;
    do ready = ::poll(&poller, 1, kForkDeadline);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

ssize_t read_some(int fd, void* bytes, std::size_t size) {
    ssize_t got = 0;
    do got = ::read(fd, bytes, size);
    while (got < 0 && errno == EINTR);
    return got;
}

// The process in the middle: its only work is to tell a number. Between fork and _exit it calls
// nothing but system calls, as other threads of the app may have held any lock.
[[noreturn]] void tell_and_exit(int pid_pipe, pid_t pid, int failure) {
    const pid_t answer = pid > 0 ? pid : -failure;
    const ssize_t done = ::write(pid_pipe, &answer, sizeof answer);
    ::_exit(done == static_cast<ssize_t>(sizeof answer) && pid > 0 ? 0 : 1);
}

void reap(pid_t middle) {
    int status = 0;
    while (::waitpid(middle, &status, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace

base::Result<Forked> fork_twice() {
    base::Result<Pipe> pid_pipe = make_pipe();
    if (!pid_pipe) return std::move(pid_pipe).failure();
    base::Result<Pipe> life_pipe = make_pipe();
    if (!life_pipe) return std::move(life_pipe).failure();

    const pid_t middle = ::fork();
    if (middle < 0) return base::fail_errno("cannot fork");
    if (middle == 0) {
        const pid_t self = ::getpid();
        const pid_t grandchild = ::fork();
        if (grandchild != 0) tell_and_exit(pid_pipe->write.get(), grandchild, errno);
        life_pipe->write.reset();
        return Forked{0, self, std::move(life_pipe->read)};
    }
    pid_pipe->write.reset();
    pid_t answer = 0;
    const bool told = wait_readable(pid_pipe->read.get()) &&
                      read_some(pid_pipe->read.get(), &answer, sizeof answer) == sizeof answer;
    reap(middle);
    if (!told) return base::fail("a fork did not tell the pid of its worker");
    if (answer < 0) return base::fail_errno("cannot fork", -answer);
    return Forked{answer, middle, {}};
}

base::Result<void> wait_for_parent(const Forked& forked, pid_t parent) {
    // End of file comes a moment before the kernel gives us a new parent: hence the looks after it.
    char byte = 0;
    if (!wait_readable(forked.orphaned.get()) || read_some(forked.orphaned.get(), &byte, 1) != 0)
        return base::fail("the process between zygote and worker does not end");
    for (int look = 0; look < kReparentLooks; ++look) {
        const pid_t now = ::getppid();
        if (now == parent) return {};
        if (now != forked.middle) return base::fail("the master is gone");
        const timespec pause{0, kReparentStep};
        ::nanosleep(&pause, nullptr);
    }
    return base::fail("the kernel gave this worker no new parent");
}

}  // namespace mew::python
