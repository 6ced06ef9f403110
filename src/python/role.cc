// Shared by zygote and worker: their face towards the master.

#include "python/role.h"

#include <unistd.h>

#include <cstdio>

#include "log/log.h"

namespace mew::python {
namespace {

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
