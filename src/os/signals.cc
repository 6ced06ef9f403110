#include "os/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace mew::os {

base::Result<Fd> open_signals(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : signals) sigaddset(&set, number);
    if (const int problem = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); problem != 0)
        return base::fail_errno("cannot block signals", problem);
    Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!fd) return base::fail_errno("cannot open a descriptor for signals");
    return fd;
}

bool next_signal(int fd, SignalEvent& event) {
    signalfd_siginfo info{};
    ssize_t got = 0;
    do got = ::read(fd, &info, sizeof info);
    while (got < 0 && errno == EINTR);
    if (got != static_cast<ssize_t>(sizeof info)) return false;
    event.number = static_cast<int>(info.ssi_signo);
    event.sender = info.ssi_code == SI_USER || info.ssi_code == SI_QUEUE
                       ? static_cast<pid_t>(info.ssi_pid)
                       : 0;
    event.sender_uid = info.ssi_uid;
    return true;
}

BlockedSignals::BlockedSignals() {
    sigset_t all;
    ::sigfillset(&all);
    // No event from outside, but the answer to a call that os/seccomp denies; blocked, it would end
    // the process.
    ::sigdelset(&all, SIGSYS);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

BlockedSignals::~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

void ignore_signals(std::initializer_list<int> signals) {
    for (const int number : signals) std::signal(number, SIG_IGN);
}

void reset_signals() {
    // Zeros are the kernel's struct sigaction for SIG_DFL, on every machine. Asked directly: the C
    // library refuses its own two signals, which make and others leave ignored in what they start
    // (its posix_spawn does that). SIGKILL and SIGSTOP refuse, which is right.
    const std::array<unsigned long, 8> plain{};
    constexpr std::size_t kMaskBytes = 8;
    for (int number = 1; number <= SIGRTMAX; ++number)
        ::syscall(SYS_rt_sigaction, number, plain.data(), nullptr, kMaskBytes);
    sigset_t none;
    sigemptyset(&none);
    ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

std::string signal_name(int number) {
    struct Row {
        int number;
        const char* name;
    };
    static constexpr Row kRows[] = {
        {SIGHUP, "SIGHUP"},   {SIGINT, "SIGINT"},   {SIGQUIT, "SIGQUIT"},   {SIGILL, "SIGILL"},
        {SIGTRAP, "SIGTRAP"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},     {SIGFPE, "SIGFPE"},
        {SIGKILL, "SIGKILL"}, {SIGUSR1, "SIGUSR1"}, {SIGSEGV, "SIGSEGV"},   {SIGUSR2, "SIGUSR2"},
        {SIGPIPE, "SIGPIPE"}, {SIGALRM, "SIGALRM"}, {SIGTERM, "SIGTERM"},   {SIGCHLD, "SIGCHLD"},
        {SIGCONT, "SIGCONT"}, {SIGSTOP, "SIGSTOP"}, {SIGTSTP, "SIGTSTP"},   {SIGXCPU, "SIGXCPU"},
        {SIGXFSZ, "SIGXFSZ"}, {SIGSYS, "SIGSYS"},   {SIGWINCH, "SIGWINCH"},
    };
    for (const Row& row : kRows) {
        if (row.number == number) return row.name;
    }
    return "signal " + std::to_string(number);
}

std::string describe_end(int wait_status) {
    if (WIFEXITED(wait_status))
        return "exited with status " + std::to_string(WEXITSTATUS(wait_status));
    if (WIFSIGNALED(wait_status)) {
        std::string text = "was killed by " + signal_name(WTERMSIG(wait_status));
        if (WCOREDUMP(wait_status)) text += " (core dumped)";
        return text;
    }
    return "changed its state (" + std::to_string(wait_status) + ")";
}

}  // namespace mew::os
