#pragma once
// Where the log goes, and how it is opened again. Text: events and the app's own output share one
// target (standard error, or --logto's file). JSON: events go straight to the target, the app's
// descriptors 1 and 2 are a pipe to the logger process, which makes one event of each line; the
// master holds both ends, so that a logger that dies loses nothing and ends nobody.

#include <functional>
#include <string>
#include <vector>

#include "log/log.h"
#include "master/children.h"
#include "master/state.h"
#include "net/event_loop.h"
#include "os/fd.h"
#include "os/process.h"

namespace mew::master {

class LogTarget final : public ChildWatcher {
public:
    LogTarget(net::EventLoop& loop, Children& children) : loop_(loop), children_(children) {}
    ~LogTarget() override;

    struct Wish {
        std::string path;  // empty: standard error
        bool json = false;
        bool colour = false;
        log::Level level = log::Level::info;
        std::function<int(int input, int output)> logger;
        std::optional<os::Identity> identity;  // of the logger
    };
    // Configures this process's log; may wait until `stop_waiting`.
    base::Result<void> open(Wish wish);
    void stop_waiting();
    // Under --logto nobody at the terminal sees why a start fails: until the server serves, such
    // texts go to the standard error of the start as well.
    void tell_starter(const std::string& text) const;
    void forget_starter() { starter_.reset(); }
    base::Result<void> start_logger();
    // The log as the master before the upgrade had it, its logger included; `wish` says the rest.
    base::Result<void> take_over(Wish wish, const state::Log& from);
    state::Log to_state() const;

    // Opens the file (another one, if `path` differs) and moves this process to it.
    base::Result<void> reopen(const std::string& path);

    // What a zygote inherits besides its own descriptors, and where it sends events.
    std::vector<os::Inherit> inherited() const;
    int event_fd() const { return event_fd_.valid() ? event_fd_.get() : 2; }
    bool colour() const { return wish_.colour; }

    // Nobody writes any more: lets the logger finish. Calls `done` when it is gone.
    void close(std::function<void()> done);

    void on_child_end(pid_t pid, int wait_status) override;

private:
    base::Result<void> open_file(const std::string& path);
    void restart_later();
    void finished();

    net::EventLoop& loop_;
    Children& children_;
    Wish wish_;
    os::Fd starter_;   // standard error as it was, while the log is a file
    os::Fd event_fd_;  // invalid: standard error
    os::Fd pipe_read_;
    os::Fd pipe_write_;
    pid_t logger_ = 0;
    bool replacing_ = false;
    base::MonotonicTime logger_started_;
    base::Milliseconds restart_delay_{0};
    net::TimerId timer_ = 0;
    std::function<void()> done_;
};

base::Result<log::Level> parse_level(const std::string& name);

}  // namespace mew::master
