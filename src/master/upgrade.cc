#include "master/upgrade.h"

#include <unistd.h>

#include "base/format.h"
#include "log/log.h"
#include "os/process.h"

extern char** environ;  // POSIX names it, no header does

namespace mew::master {
namespace {

constexpr base::Milliseconds kDeadline{10000};

base::Result<void> set_all_inheritable(const std::vector<int>& fds, bool inheritable) {
    for (const int fd : fds) {
        if (auto set = os::set_inheritable(fd, inheritable); !set) return set;
    }
    return {};
}

}  // namespace

void Upgrade::start(Failed failed) {
    failed_ = std::move(failed);
    if (auto asked = ask_the_new_program(); !asked) fail_later(asked.error().text);
}

base::Result<void> Upgrade::ask_the_new_program() {
    auto whole = describe_();
    if (!whole) return std::move(whole).failure();
    auto memory = state::write(*whole);
    if (!memory) return std::move(memory).failure();
    Errand::Plan plan;
    plan.spawn.argv = {holdings_.program.path, kAdoptCheck + std::to_string(memory->get())};
    plan.spawn.descriptors.push_back({memory->get(), memory->get()});
    for (const int fd : state::descriptors_of(*whole)) plan.spawn.descriptors.push_back({fd, fd});
    plan.name = "`mewsgi --adopt-check`";
    plan.deadline = kDeadline;
    plan.too_slow = "the installed mewsgi did not say within 10 s whether it can take over";
    return errand_.start(std::move(plan), [this](base::Result<std::string> output) {
        if (!output) return fail_later(output.error().text);
        // A turn of its own: nothing of ours may be half done when this program ends.
        turn_ = holdings_.loop.start_timer(base::Milliseconds{0}, [this] {
            turn_ = 0;
            become_it();
        });
    });
}

void Upgrade::become_it() {
    auto executed = execute();
    log::warning("upgrade-failed", "{}", executed.error().text);
    fail_later(executed.error().text);
}

base::Result<void> Upgrade::execute() {
    auto whole = describe_();
    if (!whole) return std::move(whole).failure();
    auto memory = state::write(*whole);
    if (!memory) return std::move(memory).failure();
    std::vector<std::string> arguments = {"mewsgi", kAdopt + std::to_string(memory->get())};
    // For ps; what they mean is in the state.
    arguments.insert(arguments.end(), holdings_.program.arguments.begin(),
                     holdings_.program.arguments.end());
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    std::vector<int> fds = state::descriptors_of(*whole);
    fds.push_back(memory->get());
    log::info("upgrading", "becoming the mewsgi that is installed at {} now",
              holdings_.program.path);
    auto opened = set_all_inheritable(fds, true);
    if (opened) {
        ::execve(holdings_.program.path.c_str(), argv.data(), ::environ);
        opened = base::fail_errno("cannot execute " + holdings_.program.path);
    }
    (void)set_all_inheritable(fds, false);
    return opened;
}

void Upgrade::fail_later(std::string why) {
    turn_ = holdings_.loop.start_timer(base::Milliseconds{0}, [this, why = std::move(why)] {
        turn_ = 0;
        if (auto failed = std::exchange(failed_, nullptr)) failed(why);
    });
}

void Upgrade::cancel() {
    errand_.cancel();
    if (turn_ != 0) holdings_.loop.cancel_timer(turn_);
    turn_ = 0;
    failed_ = nullptr;
}

}  // namespace mew::master
