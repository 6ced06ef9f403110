#include "python/zygote.h"

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <string>

#include "control/message.h"
#include "log/log.h"
#include "os/proc.h"
#include "os/process.h"
#include "os/process_title.h"
#include "python/fork_twice.h"
#include "python/ref.h"
#include "python/role.h"

namespace mew::python {
namespace {

void flush_stream(const char* name) {
    PyObject* const stream = PySys_GetObject(name);  // borrowed
    if (stream == nullptr || stream == Py_None) return;
    const PyRef done = PyRef::steal(PyObject_CallMethod(stream, "flush", nullptr));
    if (!done) PyErr_Clear();  // closed or replaced by something odd: the app's own choice
}

// What stands in a buffer now would come out once for each worker.
void flush_output() {
    flush_stream("stdout");
    flush_stream("stderr");
    std::fflush(stdout);
    std::fflush(stderr);
}

[[noreturn]] void die_in_fork(const std::string& why) {
    log::error("fork-lost", "a fork ends before it began: {}", why);
    ::_exit(1);
}

// A fork that is a process of its own towards the master: its control socket, its group, its life.
void attach_to_master(control::Message& order, const Forked& forked) {
    Role& self = role();
    // Of mewsgi dev, only what has no use for the terminal leaves its foreground group.
    if (!self.boot.loaded.options.dev || order.kind == control::Kind::spawn_task) ::setpgid(0, 0);
    ::close(self.control_fd);
    self.control_fd = order.descriptors.front().release();
    const base::Result<void> adopted = wait_for_parent(forked, self.boot.master_pid);
    if (!adopted) die_in_fork(adopted.error().text);
    const base::Result<void> bound = os::die_with_parent(SIGKILL, self.boot.master_pid);
    if (!bound) die_in_fork(bound.error().text);
}

std::string name_of(const control::Message& order) {
    if (order.kind == control::Kind::spawn_task) return "singleton " + order.text;
    return "worker " + std::to_string(order.slot);
}

// The grandchild's first steps: from here on it is a worker or a task, and nothing of the zygote is
// left that could answer in its name.
void become(control::Message& order, const Forked& forked) {
    Role& self = role();
    const bool is_task = order.kind == control::Kind::spawn_task;
    (is_task ? self.task : self.slot) = order.slot;
    self.incarnation = order.value;
    log::set_role(name_of(order));
    attach_to_master(order, forked);
    tell_master(control::Kind::hello, self.incarnation);
}

void tell_spawned(const control::Message& order, pid_t pid) {
    control::Message message;
    message.kind = order.kind == control::Kind::spawn_task ? control::Kind::task_spawned
                                                           : control::Kind::spawned;
    message.slot = order.slot;
    message.generation = role().boot.generation;
    message.pid = pid;
    message.value = order.value;
    const base::Result<void> sent = control::send(role().control_fd, message);
    if (!sent) log::warning("master-deaf", "{}", sent.error().text);
}

// True in the process that was ordered.
bool spawn(control::Message& order) {
    if (order.descriptors.empty() || order.slot == 0) {
        log::error("bad-order", "an order to fork a process came without its control socket");
        return false;
    }
    PyOS_BeforeFork();
    flush_output();
    base::Result<Forked> forked = fork_twice();
    if (forked && forked->is_grandchild()) {
        // First, so that the app's fork hooks already see who and whose child they are.
        become(order, *forked);
        PyOS_AfterFork_Child();
        return true;
    }
    PyOS_AfterFork_Parent();
    if (forked)
        tell_spawned(order, forked->pid);
    else
        log::error("fork-failed", "{}: {}", name_of(order), forked.error().text);
    // The order's descriptors close with it: the master sees the end of a process that never was.
    return false;
}

// The zygote's reserve: the same process once more, standing still like it. Python's fork hooks are
// for workers, so it goes on as the parent of a fork does, unless threads of the app were running:
// then what they held must be set free, which only the child's side does.
void fork_reserve(control::Message& order) {
    if (order.descriptors.empty()) return log::error("bad-order", "a reserve came without socket");
    const bool alone = os::count_threads() == 1;
    PyOS_BeforeFork();
    flush_output();
    base::Result<Forked> forked = fork_twice();
    if (forked && forked->is_grandchild()) {
        attach_to_master(order, *forked);
        if (role().boot.loaded.options.auto_procname) os::set_process_title("mewsgi reserve");
        tell_master(control::Kind::hello);
        if (alone)
            PyOS_AfterFork_Parent();
        else
            PyOS_AfterFork_Child();
        return tell_master(control::Kind::ready);
    }
    PyOS_AfterFork_Parent();
    if (forked)
        tell_spawned(order, forked->pid);
    else
        log::error("fork-failed", "the zygote's reserve: {}", forked.error().text);
}

}  // namespace

void wait_for_spawn() {
    for (;;) {
        control::Message order;
        base::Result<control::Receipt> got = control::receive(role().control_fd, order, true);
        if (!got) {
            log::error("zygote-lost", "{}", got.error().text);
            ::_exit(1);
        }
        if (*got == control::Receipt::closed) ::_exit(0);
        switch (order.kind) {
            case control::Kind::spawn:
            case control::Kind::spawn_task:
                if (spawn(order)) return;
                break;
            case control::Kind::reserve:
                fork_reserve(order);
                break;
            case control::Kind::reopen_log:
                if (!order.descriptors.empty())
                    log::replace_target(order.descriptors.front().get());
                break;
            case control::Kind::leave:
                flush_output();
                leave(0);
            default:
                log::debug("bad-order", "the zygote ignores an order that is not for it");
        }
    }
}

}  // namespace mew::python
