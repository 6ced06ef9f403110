#include "master/errand.h"

#include <fcntl.h>
#include <unistd.h>

#include "os/signals.h"

namespace mew::master {
namespace {

constexpr std::size_t kMostOutput = 16 << 20;

}  // namespace

base::Result<os::Fd> Errand::Stream::open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return base::fail_errno("cannot make a pipe");
    near_.reset(ends[0]);
    os::Fd far(ends[1]);
    ::fcntl(near_.get(), F_SETFL, O_NONBLOCK);
    if (auto added = loop_.add(near_.get(), EPOLLIN, *this); !added)
        return std::move(added).failure();
    return far;
}

void Errand::Stream::on_event(std::uint32_t) {
    char buffer[65536];
    while (near_) {
        const ssize_t n = ::read(near_.get(), buffer, sizeof buffer);
        if (n > 0 && text.size() < kMostOutput) {
            text.append(buffer, static_cast<std::size_t>(n));
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        close();
    }
}

void Errand::Stream::close() {
    if (!near_) return;
    loop_.remove(near_.get(), *this);
    near_.reset();
}

Errand::~Errand() { cancel(); }

base::Result<void> Errand::start(Plan plan, Done done) {
    output_ = std::make_unique<Stream>(loop_);
    complaints_ = std::make_unique<Stream>(loop_);
    auto output = output_->open();
    if (!output) return std::move(output).failure();
    auto complaints = complaints_->open();
    if (!complaints) return std::move(complaints).failure();

    plan.spawn.descriptors.push_back({output->get(), 1});
    plan.spawn.descriptors.push_back({complaints->get(), 2});
    auto pid = os::spawn(plan.spawn);
    if (!pid) return base::fail("cannot run " + plan.spawn.argv[0] + ": " + pid.error().text);
    pid_ = *pid;
    name_ = std::move(plan.name);
    too_slow_ = std::move(plan.too_slow);
    done_ = std::move(done);
    out_of_time_ = false;
    int status = 0;
    children_.watch(pid_, *this, status);
    deadline_ = loop_.start_timer(plan.deadline, [this] {
        deadline_ = 0;
        out_of_time_ = true;
        Children::kill(pid_);
    });
    return {};
}

void Errand::cancel() {
    if (deadline_ != 0) loop_.cancel_timer(deadline_);
    deadline_ = 0;
    if (pid_ == 0) return;
    children_.forget(pid_);
    Children::kill(std::exchange(pid_, 0));
    done_ = nullptr;
}

void Errand::on_child_end(pid_t, int wait_status) {
    pid_ = 0;
    if (deadline_ != 0) loop_.cancel_timer(deadline_);
    deadline_ = 0;
    output_->on_event(EPOLLIN);  // what is still in the pipes
    complaints_->on_event(EPOLLIN);
    output_->close();
    complaints_->close();
    Done done = std::exchange(done_, nullptr);
    if (out_of_time_) return done(base::fail(too_slow_));
    std::string text = std::move(complaints_->text);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (wait_status != 0)
        return done(base::fail(text.empty() ? name_ + " " + os::describe_end(wait_status) : text));
    done(std::move(output_->text));
}

}  // namespace mew::master
