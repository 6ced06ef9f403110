// Shared by zygote and worker: their face towards the master.

#include "python/role.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "log/log.h"

namespace mew::python {
namespace {

bool same_file(int a, int b) {
    struct stat first {};
    struct stat second {};
    return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

// What C libraries of the app still hold in stdio buffers would be lost by _exit.
void flush_stdio() {
    std::fflush(stdout);
    std::fflush(stderr);
}

}  // namespace

Role& role() {
    static Role* const instance = new Role;  // never destroyed: threads may outlive main
    return *instance;
}

void tell_master(control::Kind kind, std::uint64_t value, std::string_view text) {
    control::Message message;
    message.kind = kind;
    message.slot = role().slot;
    message.generation = role().boot.generation;
    message.pid = ::getpid();
    message.value = value;
    message.text = text;
    const base::Result<void> sent = control::send(role().control_fd, message);
    if (!sent) log::debug("master-deaf", "{}", sent.error().text);
}

void take_new_log(const os::Fd& target) {
    const int log_fd = role().boot.log_fd;
    const bool output = same_file(STDOUT_FILENO, log_fd);
    const bool errors = same_file(STDERR_FILENO, log_fd);
    if (output) ::dup2(target.get(), STDOUT_FILENO);
    if (errors) ::dup2(target.get(), STDERR_FILENO);
    if (log_fd > STDERR_FILENO) ::dup3(target.get(), log_fd, O_CLOEXEC);
}

void leave(int status) {
    flush_stdio();
    ::_exit(status);
}

void fail_start(int status, std::string_view text) {
    tell_master(control::Kind::failed, static_cast<std::uint64_t>(status), text);
    flush_stdio();
    ::_exit(status);
}

}  // namespace mew::python
