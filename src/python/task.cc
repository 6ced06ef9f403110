#include "python/task.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <system_error>
#include <thread>
#include <utility>

#include "log/log.h"
#include "os/signals.h"
#include "python/role.h"

namespace mew::python::task {
namespace {

// Readable for ever once told to leave; whoever is forked out of this process reads the same.
int stop_event = -1;

bool is_readable(int fd, const timespec* limit, const sigset_t* mask) {
    pollfd poller{fd, POLLIN, 0};
    const int ready = ::ppoll(&poller, fd < 0 ? 0 : 1, limit, mask);
    if (ready > 0 && (poller.revents & POLLNVAL) != 0) {
        stop_event = -1;  // the app closed it: better deaf than awake for ever
        return false;
    }
    return ready > 0;
}

// What a task never uses and would only keep open: clients must be refused once the workers left.
void close_serving_sockets() {
    control::Boot& boot = role().boot;
    for (net::ListenerInfo& listener : boot.listeners) {
        if (listener.fd >= 0 && listener.slot_fds.empty()) ::close(listener.fd);
        for (const int fd : listener.slot_fds) ::close(fd);
        listener.slot_fds.clear();
        listener.fd = -1;
    }
    for (int* fd : {&boot.handover_fd, &boot.handover_take_fd, &boot.bell_fd}) {
        if (*fd >= 0) ::close(std::exchange(*fd, -1));
    }
}

// The next order; none: the master is gone or this process was given up.
control::Message hear() {
    control::Message order;
    const auto got = control::receive(role().control_fd, order, true);
    if (!got) log::error("task-lost", "{}", got.error().text);
    if (!got || *got == control::Receipt::closed) ::_exit(1);
    if (order.kind == control::Kind::reopen_log && !order.descriptors.empty())
        log::replace_target(order.descriptors.front().get());
    return order;
}

[[noreturn]] void listen_for_ever(pthread_t main_thread) {
    for (;;) {
        if (hear().kind != control::Kind::retire) continue;
        begin_stop();
        // The app, or Python for it, has a handler for that.
        // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
        ::pthread_kill(main_thread, SIGTERM);
    }
}

}  // namespace

void wait_for_word() {
    close_serving_sockets();
    for (;;) {
        const control::Kind kind = hear().kind;
        if (kind == control::Kind::serve) return;
        if (kind == control::Kind::retire) ::_exit(0);
    }
}

base::Result<void> listen() {
    stop_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_event < 0) return base::fail_errno("cannot make the event that says stop");
    const os::BlockedSignals blocked;  // they are for the thread that runs the app's handlers
    try {
        std::thread ear(listen_for_ever, ::pthread_self());
        ::pthread_setname_np(ear.native_handle(), "mewsgi-ear");
        ear.detach();
    } catch (const std::system_error& error) {
        return base::fail(std::string("cannot start the thread that hears the master: ") +
                          error.what());
    }
    return {};
}

bool stopping() {
    const timespec at_once{};
    return stop_event >= 0 && is_readable(stop_event, &at_once, nullptr);
}

void begin_stop() {
    const std::uint64_t one = 1;
    if (stop_event >= 0) (void)!::write(stop_event, &one, sizeof one);
}

void wait_for_stop(std::optional<std::chrono::milliseconds> limit, const sigset_t& mask) {
    timespec time{};
    if (limit) time = {limit->count() / 1000, (limit->count() % 1000) * 1'000'000};
    (void)is_readable(stop_event, limit ? &time : nullptr, &mask);
}

}  // namespace mew::python::task
