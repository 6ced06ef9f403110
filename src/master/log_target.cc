#include "master/log_target.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "os/signals.h"

namespace mew::master {
namespace {

using base::Milliseconds;

constexpr Milliseconds kFirstRestart{100};
constexpr Milliseconds kLongestRestart{10000};
constexpr Milliseconds kSteady{1000};       // a logger that lived so long starts again at once
constexpr Milliseconds kLoggerMercy{2000};  // to write what is in the pipe, at the end

}  // namespace

base::Result<log::Level> parse_level(const std::string& name) {
    if (name == "debug") return log::Level::debug;
    if (name == "info") return log::Level::info;
    if (name == "warning") return log::Level::warning;
    if (name == "error") return log::Level::error;
    return base::fail("log-level: '" + name + "' is none of debug, info, warning, error");
}

LogTarget::~LogTarget() {
    if (timer_ != 0) loop_.cancel_timer(timer_);
    if (logger_ != 0) children_.forget(logger_);
}

base::Result<void> LogTarget::open_file(const std::string& path) {
    // NONBLOCK for the open alone: a FIFO without a reader must be an error, not a wait.
    os::Fd file(::open(path.c_str(),
                       O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644));
    if (!file) return base::fail_errno("logto: cannot open " + path);
    const int flags = ::fcntl(file.get(), F_GETFL);
    if (flags >= 0) ::fcntl(file.get(), F_SETFL, flags & ~O_NONBLOCK);
    // The numbers 0 to 2 are never ours to own.
    if (file.get() <= 2) file.reset(::fcntl(file.get(), F_DUPFD_CLOEXEC, 3));
    event_fd_ = std::move(file);
    // Whatever writes to 1 or 2 here (a sanitizer, a broken invariant) belongs in the log as well.
    if (::dup2(event_fd_.get(), 1) < 0 || ::dup2(event_fd_.get(), 2) < 0)
        return base::fail_errno("logto: cannot use " + path);
    return {};
}

base::Result<void> LogTarget::open(Wish wish) {
    wish_ = std::move(wish);
    if (!wish_.path.empty()) {
        starter_.reset(::fcntl(2, F_DUPFD_CLOEXEC, 3));
        if (auto opened = open_file(wish_.path); !opened) return opened;
    } else if (wish_.json) {
        // Descriptor 2 of the children is the pipe: events need a number of their own.
        event_fd_.reset(::fcntl(2, F_DUPFD_CLOEXEC, 3));
        if (!event_fd_) return base::fail_errno("cannot duplicate standard error");
    }
    log::Settings settings;
    settings.fd = event_fd();
    settings.json = wish_.json;
    settings.colour = wish_.colour;
    settings.level = wish_.level;
    log::configure(settings);
    if (!wish_.json) return {};
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return base::fail_errno("cannot make the log pipe");
    pipe_read_.reset(ends[0]);
    pipe_write_.reset(ends[1]);
    return {};
}

void LogTarget::stop_waiting() {
    log::Settings settings = log::settings();
    settings.may_wait = false;
    log::configure(settings);
}

void LogTarget::tell_starter(const std::string& text) const {
    const std::string line = "mewsgi: " + text + "\n";
    if (starter_ && ::write(starter_.get(), line.data(), line.size()) < 0) return;
}

base::Result<void> LogTarget::start_logger() {
    if (!wish_.json || !wish_.logger) return {};
    os::SpawnPlan plan;
    plan.body = [run = wish_.logger] { return run(0, 1); };
    plan.descriptors = {{pipe_read_.get(), 0}, {event_fd(), 1}, {event_fd(), 2}};
    plan.identity = wish_.identity;
    auto started = os::spawn(plan);
    if (!started) return base::fail("cannot start the logger: " + started.error().text);
    logger_ = *started;
    logger_started_ = loop_.now();
    int status = 0;
    if (children_.watch(logger_, *this, status) == Children::Watch::ended)
        on_child_end(logger_, status);
    log::debug("logger-started", "logger started (pid: {})", logger_);
    return {};
}

base::Result<void> LogTarget::reopen(const std::string& path) {
    if (path.empty()) return {};
    if (auto opened = open_file(path); !opened) return opened;
    wish_.path = path;
    log::set_fd(event_fd());
    if (logger_ == 0) return {};
    // A logger keeps the descriptor it was born with, so the next one gets the new file.
    replacing_ = true;
    ::kill(logger_, SIGTERM);
    return {};
}

std::vector<os::Inherit> LogTarget::inherited() const {
    std::vector<os::Inherit> list;
    if (pipe_write_.valid()) {
        list.push_back({pipe_write_.get(), 1});
        list.push_back({pipe_write_.get(), 2});
    }
    if (event_fd_.valid()) list.push_back({event_fd_.get(), event_fd_.get()});
    return list;
}

void LogTarget::close(std::function<void()> done) {
    done_ = std::move(done);
    pipe_write_.reset();
    pipe_read_.reset();
    if (timer_ != 0) loop_.cancel_timer(timer_);
    timer_ = 0;
    if (logger_ == 0) return finished();
    timer_ = loop_.start_timer(kLoggerMercy, [this] {
        timer_ = 0;
        if (logger_ != 0) Children::kill(logger_);
    });
}

void LogTarget::finished() {
    if (timer_ != 0) loop_.cancel_timer(timer_);
    timer_ = 0;
    if (auto done = std::exchange(done_, nullptr)) done();
}

void LogTarget::on_child_end(pid_t pid, int wait_status) {
    logger_ = 0;
    if (done_) return finished();
    if (std::exchange(replacing_, false)) {
        if (auto started = start_logger(); !started) restart_later();
        return;
    }
    log::error("logger-died", "the logger (pid {}) {}; starting another", pid,
               os::describe_end(wait_status));
    if (loop_.now() - logger_started_ >= kSteady) restart_delay_ = Milliseconds{0};
    restart_later();
}

void LogTarget::restart_later() {
    const Milliseconds delay = restart_delay_;
    restart_delay_ = std::clamp(delay * 2, kFirstRestart, kLongestRestart);
    timer_ = loop_.start_timer(delay, [this] {
        timer_ = 0;
        if (auto started = start_logger(); !started) {
            log::error("logger-failed", "{}", started.error().text);
            restart_later();
        }
    });
}

}  // namespace mew::master
