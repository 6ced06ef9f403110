#include "os/seccomp.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstddef>
#include <ctime>
#include <vector>

#include "os/seccomp_calls.h"

namespace mew::os {
namespace {

using seccomp::ArgumentRule;
using seccomp::Test;
using seccomp::Verdict;

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kFirstForeign = 0x40000000;  // x32: the same architecture to the kernel
#else
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kFirstForeign = 0;  // none
#endif
constexpr int kFilteredCall = 1;  // SYS_SECCOMP, a si_code that the C library's headers lack

std::atomic<std::atomic<std::uint64_t>*> g_denied{nullptr};
std::atomic<int> g_last_denied{-1};

void set_result(ucontext_t& context, int result) {
#if defined(__x86_64__)
    context.uc_mcontext.gregs[REG_RAX] = result;
#else
    context.uc_mcontext.regs[0] = static_cast<unsigned long long>(static_cast<long long>(result));
#endif
}

// Runs in the thread that made the call, in the place of the call.
void on_denied(int, siginfo_t* info, void* context) {
    if (info->si_code != kFilteredCall) return;  // somebody's kill(2)
    g_last_denied.store(info->si_syscall, std::memory_order_relaxed);
    if (auto* const denied = g_denied.load(std::memory_order_relaxed))
        denied->fetch_add(1, std::memory_order_relaxed);
    set_result(*static_cast<ucontext_t*>(context), -ENOSYS);
}

std::uint32_t action(Verdict verdict) {
    switch (verdict) {
        case Verdict::allow:
            return SECCOMP_RET_ALLOW;
        case Verdict::deny:
            return SECCOMP_RET_TRAP;
        case Verdict::absent:
            return SECCOMP_RET_ERRNO | ENOSYS;
        case Verdict::kill:
        case Verdict::next:
            break;
    }
    return SECCOMP_RET_KILL_PROCESS;
}

// The BPF program, in blocks: each compares the number of the call, and ends with a verdict or is
// jumped over.
class Program {
public:
    Program() {
        load(offsetof(seccomp_data, arch));
        compare(BPF_JEQ, kArchitecture, 1, 0);
        end(Verdict::kill);
        load_call();
        if (kFirstForeign != 0) {
            compare(BPF_JGE, kFirstForeign, 0, 1);
            end(Verdict::kill);
        }
    }

    void judge(int call, Verdict verdict) {
        compare(BPF_JEQ, static_cast<std::uint32_t>(call), 0, 1);
        end(verdict);
    }

    void judge(const ArgumentRule& rule) {
        compare(BPF_JEQ, static_cast<std::uint32_t>(rule.call), 0, 0);
        const std::size_t start = code_.size();
        // Little endian: the low half comes first.
        load(static_cast<std::uint32_t>(offsetof(seccomp_data, args) +
                                        std::size_t{8} * rule.argument));
        test(rule);
        if (rule.no == Verdict::next)
            load_call();
        else
            end(rule.no);
        code_[start - 1].jf = static_cast<std::uint8_t>(code_.size() - start);
    }

    void end(Verdict verdict) { code_.push_back({BPF_RET | BPF_K, 0, 0, action(verdict)}); }

    std::vector<sock_filter>& code() { return code_; }

private:
    void load_call() { load(offsetof(seccomp_data, nr)); }
    void load(std::size_t offset) {
        code_.push_back({BPF_LD | BPF_W | BPF_ABS, 0, 0, static_cast<std::uint32_t>(offset)});
    }
    // `yes`, `no`: how many instructions are jumped over then.
    void compare(int comparison, std::uint32_t value, std::uint8_t yes, std::uint8_t no) {
        code_.push_back({static_cast<std::uint16_t>(BPF_JMP | comparison | BPF_K), yes, no, value});
    }
    void test(const ArgumentRule& rule) {
        if (rule.test == Test::own_pid) {
            compare(BPF_JEQ, static_cast<std::uint32_t>(::getpid()), 0, 1);
            return end(rule.yes);
        }
        if (rule.test == Test::no_bit) {
            compare(BPF_JSET, rule.values[0], 1, 0);
            return end(rule.yes);
        }
        if (rule.test == Test::all_bits)
            code_.push_back({BPF_ALU | BPF_AND | BPF_K, 0, 0, rule.values[0]});
        for (std::size_t i = 0; i < rule.values.size() && (i == 0 || rule.values[i] != 0); ++i) {
            compare(rule.test == Test::any_bit ? BPF_JSET : BPF_JEQ, rule.values[i], 0, 1);
            end(rule.yes);
        }
    }

    std::vector<sock_filter> code_;
};

Program front_program(Opens opens) {
    Program program;
    for (const int call : seccomp::kAllowedHere) program.judge(call, Verdict::allow);
    for (const int call : seccomp::kAllowed) program.judge(call, Verdict::allow);
    if (opens == Opens::for_reading) program.judge(seccomp::kOpenForReading);
    for (const ArgumentRule& rule : seccomp::kByArgument) program.judge(rule);
    for (const int call : seccomp::kAbsent) program.judge(call, Verdict::absent);
    for (const int call : seccomp::kKilled) program.judge(call, Verdict::kill);
    program.end(Verdict::deny);
    return program;
}

base::Result<void> hear_denials() {
    struct sigaction handling {};
    handling.sa_sigaction = on_denied;
    handling.sa_flags = SA_SIGINFO;
    sigfillset(&handling.sa_mask);
    if (::sigaction(SIGSYS, &handling, nullptr) != 0)
        return base::fail_errno("cannot handle SIGSYS");
    sigset_t open;
    sigemptyset(&open);
    sigaddset(&open, SIGSYS);
    if (const int problem = ::pthread_sigmask(SIG_UNBLOCK, &open, nullptr); problem != 0)
        return base::fail_errno("cannot unblock SIGSYS", problem);
    return {};
}

}  // namespace

base::Result<void> install_front_filter(std::atomic<std::uint64_t>& denied, Opens opens) {
    ::tzset();  // reads files, which the first line of the log could not
    g_denied.store(&denied);
    if (auto heard = hear_denials(); !heard) return heard;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return base::fail_errno("cannot give up new privileges (no_new_privs)");
    Program program = front_program(opens);
    const sock_fprog filter{static_cast<unsigned short>(program.code().size()),
                            program.code().data()};
    const long thread =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
    if (thread < 0) return base::fail_errno("this kernel does not filter system calls (seccomp)");
    if (thread > 0)
        return base::fail("thread " + std::to_string(thread) +
                          " has a system call filter of its own, so ours cannot be installed");
    return {};
}

int last_denied_call() { return g_last_denied.load(std::memory_order_relaxed); }

}  // namespace mew::os
