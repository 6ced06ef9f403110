// Each case runs in a child of its own: a filter is never taken off.

#include "os/seccomp.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/format.h"
#include "os/fd.h"
#include "os/seccomp_calls.h"
#include "os/signals.h"

namespace mew::os {
namespace {

// What a child leaves behind, in memory that it shares with the test.
struct Traces {
    std::atomic<std::uint64_t> denied;
    std::atomic<int> last_denied;
    std::atomic<int> error;  // errno of the case
};

class SeccompTest : public ::testing::Test {
protected:
    SeccompTest()
        : traces(static_cast<Traces*>(::mmap(nullptr, sizeof(Traces), PROT_READ | PROT_WRITE,
                                             MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    ~SeccompTest() override { ::munmap(traces, sizeof(Traces)); }

    // The wait status of a child that ran `body` under the filter; its exit status is 0 if `body`
    // was true. _exit: what runs at exit (reports of sanitizers and of coverage) opens files.
    int run(const std::function<bool()>& body) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::alarm(60);
            if (const auto installed = install_front_filter(traces->denied, opens); !installed) {
                std::fprintf(stderr, "%s\n", installed.error().text.c_str());
                ::_exit(2);
            }
            const bool good = body();
            traces->last_denied = last_denied_call();
            ::_exit(good ? 0 : 1);
        }
        int status = -1;
        EXPECT_EQ(::waitpid(child, &status, 0), child);
        return status;
    }

    void expect_allowed(const std::function<bool()>& body) {
        EXPECT_EQ(describe_end(run(body)), "exited with status 0");
        EXPECT_EQ(traces->denied, 0U) << "call " << traces->last_denied;
    }
    // The call fails with ENOSYS, once.
    void expect_denied(int call, const std::function<long()>& body) {
        traces->denied = 0;
        EXPECT_EQ(describe_end(run([&] {
                      errno = 0;
                      const long result = body();
                      traces->error = errno;
                      return result == -1;
                  })),
                  "exited with status 0");
        EXPECT_EQ(traces->error, ENOSYS);
        EXPECT_EQ(traces->denied, 1U);
        EXPECT_EQ(traces->last_denied, call);
    }
    void expect_killed(const std::function<long()>& body) {
        EXPECT_EQ(describe_end(run([&] {
                      body();
                      return true;
                  })),
                  "was killed by SIGSYS");
    }

    Traces* traces;
    Opens opens = Opens::nameless;
};

struct Pair {
    Pair() {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
        one.reset(ends[0]);
        other.reset(ends[1]);
    }
    Fd one;
    Fd other;
};

TEST_F(SeccompTest, AnEpollServerDoesItsWork) {
    const Pair pair;
    expect_allowed([&] {
        const Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
        const Fd wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
        epoll_event event{};
        event.events = EPOLLIN;
        bool good = ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, pair.one.get(), &event) == 0 &&
                    ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) == 0;
        good = good && ::send(pair.other.get(), "hello", 5, MSG_NOSIGNAL) == 5;
        good = good && ::epoll_wait(epoll.get(), &event, 1, 1000) == 1;
        char buffer[8];
        good = good && ::recv(pair.one.get(), buffer, sizeof buffer, MSG_DONTWAIT) == 5;
        const int on = 1;
        (void)::setsockopt(pair.one.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
        good = good && ::fcntl(pair.one.get(), F_SETFL, O_NONBLOCK) == 0;
        return good && ::shutdown(pair.one.get(), SHUT_WR) == 0;
    });
}

TEST_F(SeccompTest, DescriptorsTravel) {
    const Pair pair;
    expect_allowed([&] {
        char byte = 'x';
        iovec part{&byte, 1};
        alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = space;
        message.msg_controllen = sizeof space;
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        const int passed = pair.one.get();
        std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
        return ::sendmsg(pair.one.get(), &message, MSG_NOSIGNAL) == 1 &&
               ::recvmsg(pair.other.get(), &message, MSG_CMSG_CLOEXEC) == 1;
    });
}

TEST_F(SeccompTest, PairsOfSocketsCanBeMade) {
    expect_allowed([] {
        int ends[2] = {-1, -1};
        return ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0;
    });
}

TEST_F(SeccompTest, AFileWithoutANameCanBeMadeAndUsed) {
    const Pair pair;
    const Fd folder(::open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC));
    expect_allowed([&] {
        Fd file(::openat(folder.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        // Not every file system has them.
        if (!file) file.reset(::memfd_create("test", MFD_CLOEXEC));
        char buffer[5];
        iovec part{buffer, sizeof buffer};
        off_t offset = 0;
        struct stat about {};
        const bool written =
            ::pwrite(file.get(), "bytes", 5, 0) == 5 && ::fstat(file.get(), &about) == 0;
        const ssize_t got = ::preadv2(file.get(), &part, 1, 0, RWF_NOWAIT);
        (void)::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 1);
        return written && (got == 5 || errno == EOPNOTSUPP) &&
               ::sendfile(pair.one.get(), file.get(), &offset, 5) == 5 &&
               ::ftruncate(file.get(), 0) == 0;
    });
}

TEST_F(SeccompTest, ThreadsStartAndEnd) {
    expect_allowed([] {
        int sum = 0;
        for (int round = 0; round < 3; ++round) {
            std::thread thread([&] {
                ::prctl(PR_SET_NAME, "test");
                // An arena of its own, and a block that is mapped.
                const std::vector<std::unique_ptr<char[]>> blocks = [] {
                    std::vector<std::unique_ptr<char[]>> made;
                    for (std::size_t size = 16; size < (16U << 20U); size *= 4)
                        made.push_back(std::make_unique<char[]>(size));
                    return made;
                }();
                sum += static_cast<int>(blocks.size());
            });
            thread.join();
        }
        return sum == 30;
    });
}

TEST_F(SeccompTest, LinesOfALogAreWritten) {
    const Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    expect_allowed([&] {
        const std::time_t now = std::time(nullptr);
        std::tm parts{};
        ::localtime_r(&now, &parts);
        const std::string line = base::format("{:04} {}\n", parts.tm_year, 0.5);
        std::FILE* const stream = ::fdopen(null.get(), "w");
        return std::fputs(line.c_str(), stream) >= 0 && std::fflush(stream) == 0 &&
               std::fprintf(stderr, "%s", "") == 0 &&
               ::write(null.get(), line.data(), line.size()) > 0;
    });
}

TEST_F(SeccompTest, WhatNobodyNeedsIsAbsentAndCounted) {
    expect_denied(SYS_unlinkat, [] { return ::unlinkat(AT_FDCWD, "/nowhere", 0); });
    expect_denied(SYS_openat, [] {
        return ::syscall(SYS_openat, AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC);
    });
    // The bit that O_TMPFILE has of its own is not enough.
    expect_denied(SYS_openat,
                  [] { return ::syscall(SYS_openat, AT_FDCWD, "/", O_DIRECTORY | O_CLOEXEC); });
    expect_denied(SYS_clone, [] { return ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); });
    expect_denied(SYS_socket, [] { return ::socket(AF_UNIX, SOCK_STREAM, 0); });
    expect_denied(SYS_kill, [] { return ::kill(::getpid(), SIGTERM); });
    expect_denied(SYS_tgkill, [] { return ::syscall(SYS_tgkill, 1, 1, SIGTERM); });
    expect_denied(SYS_ioctl, [] { return ::syscall(SYS_ioctl, 0, TIOCSTI, "x"); });
    expect_denied(SYS_connect, [] { return ::connect(0, nullptr, 0); });
    constexpr int kNoCall = 20'000;
    expect_denied(kNoCall, [] { return ::syscall(kNoCall); });
}

TEST_F(SeccompTest, WhoseFilesAreConfinedMayOpenThemForReading) {
    opens = Opens::for_reading;
    expect_allowed([] {
        const Fd folder(::open("/tmp", O_RDONLY | O_CLOEXEC));
        // Not every file system has files without a name: what counts is that it was asked.
        const Fd file(::openat(folder.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        return folder.valid();
    });
    for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC, O_PATH})
        expect_denied(SYS_openat,
                      [&] { return ::syscall(SYS_openat, AT_FDCWD, "/tmp/none", flags, 0600); });
}

TEST_F(SeccompTest, DenialsAreCountedInEveryThread) {
    const int status = run([] {
        const auto denied = [] { return ::syscall(SYS_getppid) == -1 && errno == ENOSYS; };
        bool good = denied();
        const BlockedSignals blocked;  // as threads of ours are started
        std::thread thread([&] { good = good && denied() && denied(); });
        thread.join();
        return good;
    });
    EXPECT_EQ(describe_end(status), "exited with status 0");
    EXPECT_EQ(traces->denied, 3U);
}

TEST_F(SeccompTest, ThreadsFromBeforeAreFiltered) {
    // The filter is installed in the child while a thread of it waits.
    const pid_t child = ::fork();
    if (child == 0) {
        ::alarm(60);
        std::atomic<bool> installed{false};
        std::atomic<bool> good{false};
        std::thread thread([&] {
            while (!installed) std::this_thread::yield();
            good = ::syscall(SYS_getppid) == -1 && errno == ENOSYS;
        });
        installed = install_front_filter(traces->denied).has_value();
        if (!installed) ::_exit(2);
        thread.join();
        ::_exit(good ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(describe_end(status), "exited with status 0");
    EXPECT_EQ(traces->denied, 1U);
}

TEST_F(SeccompTest, WhatServesAnAttackerAloneKills) {
    expect_killed([] { return ::execl("/bin/true", "true", nullptr); });
    expect_killed([] { return ::syscall(SYS_execveat, -1, "", nullptr, nullptr, 0); });
    expect_killed([] { return ::syscall(SYS_ptrace, 0, 0, 0, 0); });
    expect_killed([] { return ::syscall(SYS_process_vm_readv, 1, nullptr, 0, nullptr, 0, 0); });
    expect_killed([] { return ::socket(AF_INET, SOCK_STREAM, 0); });
    expect_killed([] { return ::socket(AF_INET6, SOCK_STREAM, 0); });
    const Pair pair;
    expect_killed([&] { return ::listen(pair.one.get(), 1); });
    expect_killed([&] { return ::bind(pair.one.get(), nullptr, 0); });
    EXPECT_EQ(traces->denied, 0U);
}

TEST_F(SeccompTest, ExecutableMemoryKills) {
    void* const page =
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(page, MAP_FAILED);
    expect_killed([&] { return ::mprotect(page, 4096, PROT_READ | PROT_EXEC); });
    expect_killed([&] {
        return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
               MAP_FAILED;
    });
    expect_killed([&] { return ::syscall(SYS_pkey_mprotect, page, 4096, PROT_EXEC, 0); });
    ::munmap(page, 4096);
}

#if defined(__x86_64__)
TEST_F(SeccompTest, CallsOfOtherArchitecturesKill) {
    constexpr int kX32 = 0x40000000;
    expect_killed([] { return ::syscall(kX32 + SYS_getpid); });
#if !defined(__SANITIZE_ADDRESS__)
    // i386's getpid. Kernels without that architecture raise SIGSEGV instead.
    const int status = run([] {
        long result = 20;
        asm volatile("int $0x80" : "+a"(result) : : "memory");
        return true;
    });
    EXPECT_TRUE(WIFSIGNALED(status));
#endif
}
#endif

TEST_F(SeccompTest, AbortStillAborts) {
    EXPECT_EQ(describe_end(run([]() -> bool { ::abort(); })), "was killed by SIGABRT");
    EXPECT_EQ(traces->denied, 0U);
}

TEST_F(SeccompTest, PrivilegesAreGivenUp) {
    const pid_t child = ::fork();
    if (child == 0) {
        const bool before = ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 0;
        const bool installed = install_front_filter(traces->denied).has_value();
        ::_exit(before && installed ? 0 : 1);
    }
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(describe_end(status), "exited with status 0");
}

TEST(SeccompCalls, EachHasOneVerdict) {
    std::multiset<int> calls(seccomp::kAllowed);
    for (const auto& list : {seccomp::kAllowedHere, seccomp::kKilled, seccomp::kAbsent})
        calls.insert(list);
    for (const auto& rule : seccomp::kByArgument) calls.insert(rule.call);
    for (const int call : calls) EXPECT_EQ(calls.count(call), 1U) << call;
}

}  // namespace
}  // namespace mew::os
