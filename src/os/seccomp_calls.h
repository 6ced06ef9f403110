#pragma once
// What os/seccomp says to each system call, as tables. The order is the one in which kernels before
// 5.11 compare, so what every request asks for comes first. Arguments are judged by their low 32
// bits: these are all that the kernel itself looks at in each of them.

#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cstdint>
#include <initializer_list>

namespace mew::os::seccomp {

enum class Verdict : std::uint8_t {
    allow,
    deny,    // ENOSYS, counted
    absent,  // ENOSYS, not counted: the C library asks, and knows another way
    kill,
    next,  // the rule after this one decides
};

// Numbers that headers older than the kernels we run on lack.
inline constexpr int kClone3 = 435;
inline constexpr int kCloseRange = 436;
inline constexpr int kEpollPwait2 = 441;
#if defined(__x86_64__)
inline constexpr int kRseq = 334;
#elif defined(__aarch64__)
inline constexpr int kRseq = 293;
#else
#error "mewsgi runs on x86-64 and aarch64"
#endif

// Where a call is not one of every architecture, and in builds that need more.
inline constexpr std::initializer_list<int> kAllowedHere = {
#if defined(__x86_64__)
    SYS_epoll_wait, SYS_poll, SYS_epoll_create, SYS_dup2, SYS_time,
#endif
#if defined(__SANITIZE_ADDRESS__)
    SYS_pipe2,  // the sanitizer of undefined behaviour asks by a pipe whether memory can be read
#endif
};

inline constexpr std::initializer_list<int> kAllowed = {
    // sockets and files that are open
    SYS_epoll_pwait, SYS_recvfrom, SYS_sendto, SYS_sendmsg, SYS_recvmsg, SYS_read, SYS_write,
    SYS_futex, SYS_accept4, SYS_close, SYS_epoll_ctl, SYS_writev, SYS_readv, SYS_sendfile,
    SYS_preadv2, SYS_pread64, SYS_pwrite64, SYS_preadv, SYS_pwritev, SYS_pwritev2, SYS_sendmmsg,
    SYS_recvmmsg, SYS_shutdown, SYS_setsockopt, SYS_getsockopt, SYS_getsockname, SYS_getpeername,
    SYS_accept, SYS_fstat, SYS_lseek, SYS_ftruncate, SYS_fallocate, SYS_fadvise64, SYS_dup,
    SYS_dup3, kCloseRange, SYS_memfd_create, SYS_ppoll, SYS_epoll_create1, kEpollPwait2,
    SYS_eventfd2, SYS_signalfd4,
    // clocks
    SYS_clock_gettime, SYS_clock_getres, SYS_clock_nanosleep, SYS_nanosleep, SYS_gettimeofday,
    // memory (mmap and mprotect: below)
    SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk,
    // threads and signals of this process
    SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigpending, SYS_rt_sigsuspend,
    SYS_rt_sigtimedwait, SYS_sigaltstack, SYS_restart_syscall, SYS_exit, SYS_exit_group, SYS_getpid,
    SYS_gettid, SYS_sched_yield, SYS_sched_getaffinity, SYS_set_robust_list, SYS_set_tid_address,
    kRseq, SYS_membarrier, SYS_getcpu, SYS_getrandom};

inline constexpr std::initializer_list<int> kKilled = {
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
    SYS_bind,   SYS_listen};

// The C library falls back on clone, whose flags a filter can see, as it cannot in clone3's struct.
inline constexpr std::initializer_list<int> kAbsent = {kClone3};

enum class Test : std::uint8_t { equals, any_bit, all_bits, no_bit, own_pid };

// A call that is judged by one of its arguments (the first is 0).
struct ArgumentRule {
    int call;
    int argument;
    Test test;
    std::array<std::uint32_t, 8> values;  // equals: one of them; zeros after the first end the list
    Verdict yes;
    Verdict no;
};

inline constexpr ArgumentRule kByArgument[] = {
    {SYS_mmap, 2, Test::any_bit, {PROT_EXEC}, Verdict::kill, Verdict::allow},
    {SYS_mprotect, 2, Test::any_bit, {PROT_EXEC}, Verdict::kill, Verdict::allow},
    {SYS_pkey_mprotect, 2, Test::any_bit, {PROT_EXEC}, Verdict::kill, Verdict::deny},
    {SYS_fcntl,
     1,
     Test::equals,
     {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC, F_ADD_SEALS, F_GET_SEALS},
     Verdict::allow,
     Verdict::deny},
    {SYS_ioctl,
     1,
     Test::equals,
     {FIONREAD, SIOCOUTQ, FIONBIO, TCGETS, TIOCGWINSZ},  // the last two: isatty of stdio
     Verdict::allow,
     Verdict::deny},
    // A file without a name.
    {SYS_openat, 2, Test::all_bits, {O_TMPFILE}, Verdict::allow, Verdict::deny},
    // fstat of newer C libraries.
    {SYS_newfstatat, 3, Test::any_bit, {AT_EMPTY_PATH}, Verdict::allow, Verdict::deny},
    {SYS_statx, 2, Test::any_bit, {AT_EMPTY_PATH}, Verdict::allow, Verdict::deny},
    {SYS_clone, 0, Test::any_bit, {CLONE_THREAD}, Verdict::allow, Verdict::deny},
    {SYS_prctl, 0, Test::equals, {PR_SET_NAME, PR_GET_NAME}, Verdict::allow, Verdict::deny},
    {SYS_tgkill, 0, Test::own_pid, {}, Verdict::allow, Verdict::deny},
    // Between this process and whoever it gives an end to.
    {SYS_socketpair, 0, Test::equals, {AF_UNIX}, Verdict::allow, Verdict::deny},
    // Sockets of other kinds cannot listen to the world, and cannot be bound anyway.
    {SYS_socket,
     0,
     Test::equals,
     {AF_INET, AF_INET6, AF_PACKET, AF_VSOCK},
     Verdict::kill,
     Verdict::deny},
};

// For those whose files are confined (os/landlock), before the others.
inline constexpr ArgumentRule kOpenForReading = {
    SYS_openat,     2,
    Test::no_bit,   {O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_DIRECTORY | O_PATH},
    Verdict::allow, Verdict::next};

}  // namespace mew::os::seccomp
