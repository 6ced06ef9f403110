#include "master/config_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/format.h"
#include "control/message.h"
#include "os/process.h"
#include "os/signals.h"

namespace mew::master {
namespace {

constexpr base::Milliseconds kDeadline{10000};
constexpr std::size_t kMaxEmitted = 16 << 20;

std::string emitted_header(std::size_t size) {
    // The size too: a block that was cut between two options would still decode.
    return base::format("mewsgi-options {:016x} {}\n", control::build_id(), size);
}

}  // namespace

std::string emit_options(const options::Loaded& loaded) {
    const std::string block = options::encode_block(loaded);
    return emitted_header(block.size()) + block;
}

base::Result<options::Loaded> read_emitted(const std::string& text) {
    const std::size_t end = text.find('\n');
    if (end == std::string::npos) return base::fail("`mewsgi check` gave no options");
    const std::string block = text.substr(end + 1);
    const std::string header = emitted_header(block.size());
    const std::size_t build = header.rfind(' ');
    if (text.compare(0, build, header, 0, build) != 0)
        return base::fail(
            "the installed mewsgi is another build than the one that runs; stop and start it to "
            "change over");
    if (text.compare(0, header.size(), header) != 0)
        return base::fail("`mewsgi check` was cut short; try again");
    return options::decode_block(block);
}

base::Result<os::Fd> ConfigReader::Stream::open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return base::fail_errno("cannot make a pipe");
    near_.reset(ends[0]);
    os::Fd far(ends[1]);
    ::fcntl(near_.get(), F_SETFL, O_NONBLOCK);
    if (auto added = loop_.add(near_.get(), EPOLLIN, *this); !added)
        return std::move(added).failure();
    return far;
}

void ConfigReader::Stream::on_event(std::uint32_t) {
    char buffer[65536];
    while (near_) {
        const ssize_t n = ::read(near_.get(), buffer, sizeof buffer);
        if (n > 0 && text.size() < kMaxEmitted) {
            text.append(buffer, static_cast<std::size_t>(n));
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        close();
    }
}

void ConfigReader::Stream::close() {
    if (!near_) return;
    loop_.remove(near_.get(), *this);
    near_.reset();
}

ConfigReader::~ConfigReader() { cancel(); }

base::Result<void> ConfigReader::start(Done done) {
    output_ = std::make_unique<Stream>(loop_);
    complaints_ = std::make_unique<Stream>(loop_);
    auto output = output_->open();
    if (!output) return std::move(output).failure();
    auto complaints = complaints_->open();
    if (!complaints) return std::move(complaints).failure();

    os::SpawnPlan plan;
    plan.argv = {program_.path, "check", program_.inherited.empty() ? kEmit : kEmitPassed};
    plan.argv.insert(plan.argv.end(), program_.arguments.begin(), program_.arguments.end());
    plan.environment = program_.environment;
    plan.descriptors = {{output->get(), 1}, {complaints->get(), 2}};
    auto pid = os::spawn(plan);
    if (!pid) return base::fail("cannot run " + program_.path + ": " + pid.error().text);
    pid_ = *pid;
    done_ = std::move(done);
    out_of_time_ = false;
    int status = 0;
    children_.watch(pid_, *this, status);
    deadline_ = loop_.start_timer(kDeadline, [this] {
        deadline_ = 0;
        out_of_time_ = true;
        Children::kill(pid_);
    });
    return {};
}

void ConfigReader::cancel() {
    if (deadline_ != 0) loop_.cancel_timer(deadline_);
    deadline_ = 0;
    if (pid_ == 0) return;
    children_.forget(pid_);
    Children::kill(std::exchange(pid_, 0));
    done_ = nullptr;
}

void ConfigReader::on_child_end(pid_t, int wait_status) {
    pid_ = 0;
    if (deadline_ != 0) loop_.cancel_timer(deadline_);
    deadline_ = 0;
    output_->on_event(EPOLLIN);  // what is still in the pipes
    complaints_->on_event(EPOLLIN);
    output_->close();
    complaints_->close();
    Done done = std::exchange(done_, nullptr);
    if (out_of_time_)
        return done(
            base::fail("reading the configuration took longer than 10 s; is a file on a "
                       "file system that hangs?"));
    std::string text = std::move(complaints_->text);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (wait_status != 0)
        return done(
            base::fail(text.empty() ? "`mewsgi check` " + os::describe_end(wait_status) : text));
    done(read_emitted(output_->text));
}

}  // namespace mew::master
