#include "os/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "os/signals.h"

namespace mew::os {
namespace {

// All that the child needs, made before the fork so that it need not allocate.
struct Prepared {
    std::vector<char*> argv;
    std::vector<char*> environment;
    pid_t parent = 0;
    int report = -1;  // write end of the pipe that tells what failed
};

struct Failure {
    int code;
    std::array<char, 500> text;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
    out.push_back(nullptr);
    return out;
}

[[noreturn]] void report_and_exit(int report, const base::Error& error) {
    Failure failure{error.code, {}};
    std::strncpy(failure.text.data(), error.text.c_str(), failure.text.size() - 1);
    [[maybe_unused]] const ssize_t sent = ::write(report, &failure, sizeof failure);
    ::_exit(127);
}

base::Result<int> duplicate_above(int fd, int floor) {
    const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, floor);
    if (copy < 0)
        return base::fail_errno("cannot hand descriptor " + std::to_string(fd) + " to a child");
    return copy;
}

// Sources move out of the way of all targets first: a target may be another one's source.
base::Result<void> place_descriptors(const std::vector<Inherit>& wanted, int& report) {
    int floor = 3;
    for (const Inherit& one : wanted) floor = std::max(floor, one.as + 1);
    auto moved_report = duplicate_above(report, floor);
    if (!moved_report) return std::move(moved_report).failure();
    report = *moved_report;
    std::vector<Inherit> moved;
    std::vector<int> keep{0, 1, 2, report};
    bool has_input = false;
    for (const Inherit& one : wanted) {
        auto copy = duplicate_above(one.fd, floor);
        if (!copy) return std::move(copy).failure();
        moved.push_back({*copy, one.as});
        keep.push_back(one.as);
        has_input = has_input || one.as == 0;
    }
    if (!has_input) {
        Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        auto copy = duplicate_above(null.get(), floor);
        if (!copy) return base::fail_errno("cannot open /dev/null");
        moved.push_back({*copy, 0});
    }
    for (const Inherit& one : moved) {
        if (::dup2(one.fd, one.as) < 0)
            return base::fail_errno("cannot place descriptor " + std::to_string(one.as));
    }
    close_all_but(std::move(keep));
    return {};
}

base::Result<void> become_the_plan(const SpawnPlan& plan, Prepared& prepared) {
    if (plan.own_group && ::setpgid(0, 0) != 0)
        return base::fail_errno("cannot make a process group");
    if (auto placed = place_descriptors(plan.descriptors, prepared.report); !placed) return placed;
    if (plan.identity) {
        if (auto taken = take_identity(*plan.identity); !taken) return taken;
    }
    // As the new user: what it may not enter, the child would not be able to use either.
    if (!plan.working_directory.empty() && ::chdir(plan.working_directory.c_str()) != 0)
        return base::fail_errno("cannot change to the folder " + plan.working_directory);
    if (plan.parent_death_signal != 0)
        return die_with_parent(plan.parent_death_signal, prepared.parent);
    return {};
}

[[noreturn]] void run_child(const SpawnPlan& plan, Prepared& prepared) {
    if (auto done = become_the_plan(plan, prepared); !done)
        report_and_exit(prepared.report, done.error());
    reset_signals();
    if (plan.body) {
        ::close(prepared.report);
        ::_exit(plan.body());
    }
    ::execvpe(prepared.argv[0], prepared.argv.data(),
              plan.environment ? prepared.environment.data() : ::environ);
    const int code = errno;
    report_and_exit(prepared.report, base::fail_errno("cannot start " + plan.argv[0], code).error);
}

base::Result<void> check_plan(const SpawnPlan& plan) {
    if (plan.argv.empty() && !plan.body) return base::fail("nothing to start: no program given");
    std::vector<int> targets;
    for (const Inherit& one : plan.descriptors) {
        if (one.fd < 0 || one.as < 0 || std::count(targets.begin(), targets.end(), one.as) != 0)
            return base::fail("descriptor " + std::to_string(one.fd) +
                              " cannot be handed to a child as number " + std::to_string(one.as));
        targets.push_back(one.as);
    }
    return {};
}

// What the child wrote before its exec or body; nothing if it got that far.
std::optional<base::Error> read_failure(int report) {
    Failure failure{};
    ssize_t got = 0;
    do got = ::read(report, &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(sizeof failure)) return std::nullopt;
    failure.text.back() = '\0';
    return base::Error{failure.code, failure.text.data()};
}

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

// Signals wait while the child still has our handlers; restores the mask in the parent.
class AllSignalsBlocked {
public:
    AllSignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    AllSignalsBlocked(const AllSignalsBlocked&) = delete;
    AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
    ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

private:
    sigset_t before_{};
};

bool close_range_between(unsigned first, unsigned last) {
    return first > last || ::syscall(SYS_close_range, first, last, 0) == 0;
}

void close_up_to_limit(const std::vector<int>& keep) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const auto most = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 1 << 20));
    for (int fd = 0; fd < most; ++fd) {
        if (!std::binary_search(keep.begin(), keep.end(), fd)) ::close(fd);
    }
}

}  // namespace

base::Result<pid_t> spawn(const SpawnPlan& plan) {
    if (auto checked = check_plan(plan); !checked) return std::move(checked).failure();
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return base::fail_errno("cannot make a pipe");
    const Fd report_read(ends[0]);
    Fd report_write(ends[1]);
    Prepared prepared;
    prepared.argv = pointers(plan.argv);
    if (plan.environment) prepared.environment = pointers(*plan.environment);
    prepared.parent = ::getpid();
    prepared.report = report_write.get();

    pid_t child = -1;
    {
        const AllSignalsBlocked quiet;
        child = ::fork();
        if (child == 0) run_child(plan, prepared);
    }
    if (child < 0) return base::fail_errno("cannot start a process");
    // Here too: whoever asks for the group next must find it, whichever side runs first.
    if (plan.own_group) ::setpgid(child, child);
    report_write.reset();
    if (auto failure = read_failure(report_read.get())) {
        reap(child);
        return base::Unexpected<base::Error>{std::move(*failure)};
    }
    return child;
}

base::Result<void> die_with_parent(int signal, pid_t parent) {
    if (::prctl(PR_SET_PDEATHSIG, signal) != 0)
        return base::fail_errno("cannot tie this process to its parent");
    if (::getppid() != parent)
        return base::fail("the parent (pid " + std::to_string(parent) + ") is gone");
    return {};
}

void close_all_but_by_proc(std::vector<int> keep) {
    std::sort(keep.begin(), keep.end());
    DIR* const folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) {
        close_up_to_limit(keep);
        return;
    }
    std::vector<int> open;
    while (const dirent* entry = ::readdir(folder)) {
        char* end = nullptr;
        const long fd = std::strtol(entry->d_name, &end, 10);
        if (*end == '\0' && fd != ::dirfd(folder)) open.push_back(static_cast<int>(fd));
    }
    ::closedir(folder);
    for (const int fd : open) {
        if (!std::binary_search(keep.begin(), keep.end(), fd)) ::close(fd);
    }
}

void close_all_but(std::vector<int> keep) {
    keep.erase(std::remove_if(keep.begin(), keep.end(), [](int fd) { return fd < 0; }), keep.end());
    std::sort(keep.begin(), keep.end());
    unsigned next = 0;
    bool closed = true;
    for (const int fd : keep) {
        const auto number = static_cast<unsigned>(fd);
        if (number > next) closed = close_range_between(next, number - 1) && closed;
        next = std::max(next, number + 1);
    }
    closed = close_range_between(next, UINT_MAX) && closed;
    if (!closed) close_all_but_by_proc(std::move(keep));
}

base::Result<void> set_inheritable(int fd, bool inheritable) {
    const int flags = ::fcntl(fd, F_GETFD);
    const int wanted = inheritable ? flags & ~FD_CLOEXEC : flags | FD_CLOEXEC;
    if (flags < 0 || ::fcntl(fd, F_SETFD, wanted) != 0)
        return base::fail_errno("cannot change descriptor " + std::to_string(fd));
    return {};
}

}  // namespace mew::os
