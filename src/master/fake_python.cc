// Stands in for a Python interpreter in the tests of the master: it answers the probe, takes the
// boot block, forks workers on order and speaks the control protocol, and it misbehaves on request.
// The option `module` says how; FAKE_MODULE_FILE, if set, holds the module that `check --emit`
// finds at a reload.
//
//   good            starts and works            broken   says that the app failed (22)
//   dies            zygote exits while importing         hangs    import never ends
//   worker-fails    workers say failed (22)     worker-dies   workers exit 7 before ready
//   stubborn        workers ignore retire       loops     workers die of SIGABRT once they serve
//   sick            reload-check gets a 500     mute      reload-check gets no answer
//   sick-2          so does that of worker 2
//   locks           workers hang, but with lazy-apps
//
// With FAKE_FRONTS set, the master that it is after an upgrade has fronts (test_front.h).
//
// As the program that an upgrade finds it is a whole master of its own; FAKE_ADOPT_FILE, if set,
// holds how it answers --adopt-check: "yes", "hang" (never), or the sentence of a refusal.

#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "control/boot.h"
#include "control/message.h"
#include "master/adopt.h"
#include "master/config_reader.h"
#include "master/test_front.h"
#include "master/upgrade.h"
#include "os/process.h"

namespace {

using namespace mew;

int check(int argc, char** argv) {
    options::Request request;
    std::vector<std::string> environment;
    options::Loaded loaded =
        options::load(std::vector<std::string>(argv + 3, argv + argc), environment, request);
    if (const char* path = std::getenv("FAKE_MODULE_FILE")) {
        std::ifstream file(path);
        std::getline(file, loaded.options.module);
    }
    if (loaded.options.module == "mistake") {
        std::fputs("mewsgi: app.ini:3: modul is no option\n", stderr);
        return 1;
    }
    const std::string block = master::emit_options(loaded);
    return std::fwrite(block.data(), 1, block.size(), stdout) == block.size() ? 0 : 1;
}

void say(int fd, control::Kind kind, const control::Message& like, pid_t pid = ::getpid()) {
    control::Message message;
    message.kind = kind;
    message.slot = like.slot;
    message.generation = like.generation;
    message.pid = pid;
    message.value = like.value;
    message.text = like.text;
    (void)control::send(fd, message);
}

void answer(const std::string& module, std::uint32_t slot, int connection) {
    char request[1024];
    const bool sick = module == "sick" || (module == "sick-2" && slot == 2);
    const std::string text =
        sick ? "HTTP/1.1 500 Oh no\r\n\r\nthe database is away" : "HTTP/1.1 200 OK\r\n\r\n";
    if (::read(connection, request, sizeof request) <= 0 || module == "mute") return;
    (void)!::write(connection, text.data(), text.size());
}

[[noreturn]] void work(const options::Options& options, int control_fd,
                       const control::Message& order) {
    const std::string& module = options.module;
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    say(control_fd, control::Kind::hello, order);
    if (module == "worker-dies") ::_exit(7);
    if (module == "locks" && !options.lazy_apps) ::pause();
    if (module == "worker-fails") {
        control::Message failed;
        failed.value = 22;
        failed.text = "Traceback: no app in this worker";
        say(control_fd, control::Kind::failed, failed);
        ::_exit(22);
    }
    control::Message ready;  // its value would be a number of cores
    ready.slot = order.slot;
    ready.generation = order.generation;
    say(control_fd, control::Kind::ready, ready);
    std::vector<os::Fd> channels;  // kept until it ends, as the real one does
    for (;;) {
        control::Message message;
        const auto receipt = control::receive(control_fd, message, true);
        if (!receipt || *receipt == control::Receipt::closed) ::_exit(1);
        if (message.kind == control::Kind::check)
            answer(module, order.slot, message.descriptors.at(0).get());
        if (message.kind == control::Kind::serve && module == "loops") ::abort();
        if (message.kind == control::Kind::channel) {
            std::fprintf(stderr, "fake worker %u: channel to front %u\n", order.slot, message.slot);
            for (os::Fd& fd : message.descriptors) channels.push_back(std::move(fd));
        }
        if (message.kind != control::Kind::retire || module == "stubborn") continue;
        say(control_fd, control::Kind::left, control::Message{});
        ::_exit(0);
    }
}

// Forked twice, as the real one does; in the grandchild: true.
bool fork_child(const control::Boot& boot, const control::Message& order) {
    int ends[2];
    if (::pipe(ends) != 0) ::_exit(1);
    const pid_t middle = ::fork();
    if (middle == 0) {
        const pid_t middle_pid = ::getpid();
        const pid_t worker = ::fork();
        if (worker == 0) {
            ::close(boot.control_fd);
            // Until the middle one has ended: then the parent is the master, or the master is gone.
            while (::getppid() == middle_pid) ::usleep(100);
            if (::getppid() != boot.master_pid) ::_exit(1);
            return true;
        }
        ::_exit(::write(ends[1], &worker, sizeof worker) == sizeof worker ? 0 : 1);
    }
    pid_t worker = 0;
    if (::read(ends[0], &worker, sizeof worker) != sizeof worker) ::_exit(1);
    ::close(ends[0]);
    ::close(ends[1]);
    ::waitpid(middle, nullptr, 0);
    say(boot.control_fd, control::Kind::spawned, order, worker);
    return false;
}

int serve_as_zygote(int boot_fd) {
    auto boot = control::read_boot(boot_fd);
    if (!boot) {
        std::fprintf(stderr, "fake python: %s\n", boot.error().text.c_str());
        return 1;
    }
    const std::string& module = boot->loaded.options.module;
    say(boot->control_fd, control::Kind::hello, {});
    if (module == "dies") return 3;
    if (module == "broken") {
        control::Message failed;
        failed.value = 22;
        failed.text = "Traceback: the app is broken";
        say(boot->control_fd, control::Kind::failed, failed);
        return 22;
    }
    if (module == "hangs") {
        std::fputs("import hangs\n", stderr);
        for (;;) ::pause();
    }
    control::Message about;
    about.text = "app " + module + " loaded";
    say(boot->control_fd, control::Kind::ready, about);
    for (;;) {
        control::Message order;
        const auto receipt = control::receive(boot->control_fd, order, true);
        if (!receipt || *receipt == control::Receipt::closed) return 0;
        if (order.kind == control::Kind::spawn && fork_child(*boot, order))
            work(boot->loaded.options, order.descriptors.at(0).get(), order);
        if (order.kind == control::Kind::reserve && fork_child(*boot, order)) {
            ::setpgid(0, 0);
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            boot->control_fd = order.descriptors.at(0).release();
            say(boot->control_fd, control::Kind::hello, {});
            say(boot->control_fd, control::Kind::ready, {});
        }
        if (order.kind == control::Kind::leave) return 0;
    }
}

int answer_adopt_check(const std::string& state_fd) {
    std::string answer = "yes";
    if (const char* path = std::getenv("FAKE_ADOPT_FILE")) {
        std::ifstream file(path);
        std::getline(file, answer);
    }
    while (answer == "hang") ::pause();
    if (answer == "yes") return master::adopt_check(state_fd);
    std::fprintf(stderr, "mewsgi: %s\n", answer.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string first = argc > 1 ? argv[1] : "";
    if (first.starts_with(master::kAdoptCheck))
        return answer_adopt_check(first.substr(std::strlen(master::kAdoptCheck)));
    if (first.starts_with(master::kAdopt)) {
        master::Program program;
        program.version = "0.0.2";
        if (std::getenv("FAKE_FRONTS") != nullptr) program.front = master::test_front::run;
        return master::adopt(program, first.substr(std::strlen(master::kAdopt)));
    }
    if (argc > 2 && std::strcmp(argv[1], "check") == 0) return check(argc, argv);
    if (argc > 1 && std::strcmp(argv[1], "-I") == 0) {
        std::puts("3.11.7");
        return 0;
    }
    return argc > 2 ? serve_as_zygote(std::atoi(argv[2])) : 2;
}
