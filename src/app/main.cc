// The native program: serves, checks a configuration, or talks to a server that runs. Wires the
// roles together; has no other logic than to find out what was asked.
//
//   mewsgi [OPTION]... [APP]      mewsgi check [OPTION]...      mewsgi reload|upgrade|stop|status
//   mewsgi dev [OPTION]... APP    ...

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "app/check_command.h"
#include "app/dev_command.h"
#include "app/speak.h"
#include "front/front.h"
#include "logger/logger.h"
#include "master/adopt.h"
#include "master/command_client.h"
#include "master/interpreter.h"
#include "master/launcher.h"
#include "master/upgrade.h"
#include "options/load.h"
#include "watcher/watcher.h"

extern char** environ;  // POSIX names it, no header does

namespace mew::app {
namespace {

constexpr const char* kLauncherPython = "MEWSGI_LAUNCHER_PYTHON";
constexpr const char* kPackageDir = "MEWSGI_PACKAGE_DIR";

// 0 to 2 must be open, or a socket would become somebody's standard error.
void open_standard_descriptors() {
    for (int fd = 0; fd <= 2; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0) ::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
    }
}

std::vector<std::string> read_environment() {
    std::vector<std::string> list;
    for (char** entry = environ; *entry != nullptr; ++entry) list.emplace_back(*entry);
    return list;
}

// Our own two names are no options.
std::vector<std::string> without_own_names(std::vector<std::string> environment) {
    std::erase_if(environment, [](const std::string& entry) {
        return entry.starts_with(std::string(kLauncherPython) + "=") ||
               entry.starts_with(std::string(kPackageDir) + "=");
    });
    return environment;
}

// The package holds the program as bin/mewsgi.
std::string package_around(const std::string& program) {
    const std::string folder = program.substr(0, program.rfind('/'));
    return folder.substr(0, folder.rfind('/'));
}

bool is_same_file(const char* one, const char* other) {
    struct stat first {};
    struct stat second {};
    return ::stat(one, &first) == 0 && ::stat(other, &second) == 0 &&
           first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

// By the path that it was started by, since a link in it ("current") may lead elsewhere when a
// reload or an upgrade looks for it again; where that is a link to the program alone, without its
// package around it, by that of the file itself.
std::string own_path() {
    constexpr const char* kSelf = "/proc/self/exe";
    // The kernel hands the address over as a number.
    const auto* const named =
        reinterpret_cast<const char*>(::getauxval(AT_EXECFN));  // NOLINT(performance-no-int-to-ptr)
    if (named != nullptr && named[0] == '/' && is_same_file(named, kSelf) &&
        ::access((package_around(named) + "/_zygote.py").c_str(), R_OK) == 0)
        return named;
    char buffer[PATH_MAX];
    const ssize_t n = ::readlink(kSelf, buffer, sizeof buffer);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : "";
}

// MEWSGI_PACKAGE_DIR names it in a build tree.
std::string find_package(const std::vector<std::string>& environment, const std::string& program) {
    const std::string given = master::find_variable(environment, kPackageDir);
    if (!given.empty()) {
        char whole[PATH_MAX];
        return ::realpath(given.c_str(), whole) != nullptr ? whole : given;
    }
    return package_around(program);
}

// What every master of this build has.
master::Program own_program() {
    master::Program program;
    program.version = MEW_VERSION;
    program.logger = logger::run;
    program.watcher = watcher::run;
    program.front = front::run;
    return program;
}

int serve(std::vector<std::string> arguments, std::vector<std::string> environment) {
    auto inherited = net::find_inherited(environment, ::getpid());
    if (!inherited) {
        std::fprintf(stderr, "mewsgi: %s\n", inherited.error().text.c_str());
        return master::kExitError;
    }
    net::forget_passing(environment);
    options::Request request;
    const std::vector<std::string> named = without_own_names(environment);
    options::Loaded loaded = options::load(arguments, named, request, *inherited);
    if (request.kind == options::Request::Kind::version) {
        std::printf("mewsgi %s\n", MEW_VERSION);
        return master::kExitDone;
    }
    if (request.kind == options::Request::Kind::help) {
        std::fputs(options::help_text(request.topic, ::isatty(1) == 1).c_str(), stdout);
        return loaded.mistakes.empty() ? master::kExitDone : master::kExitError;
    }
    if (!loaded.mistakes.empty()) {
        tell(loaded.warnings, "warning: ");
        tell(loaded.mistakes, "");
        return master::kExitError;
    }
    if (choose_free_port(loaded, arguments))
        loaded = options::load(arguments, named, request, *inherited);
    std::optional<TerminalModes> terminal;
    if (loaded.options.dev) terminal.emplace();
    master::Program program = own_program();
    program.path = own_path();
    program.package_dir = find_package(environment, program.path);
    program.arguments = std::move(arguments);
    program.environment = std::move(environment);
    program.inherited = std::move(*inherited);
    // The app's environment is the user's: what the console script told us ends here.
    ::unsetenv(kLauncherPython);
    return master::launch(program, std::move(loaded));
}

int run(const std::vector<std::string>& arguments) {
    const std::vector<std::string> environment = read_environment();
    const std::string first = arguments.empty() ? "" : arguments.front();
    const std::vector<std::string> rest(arguments.begin() + (arguments.empty() ? 0 : 1),
                                        arguments.end());
    if (first.starts_with(master::kAdoptCheck))
        return master::adopt_check(first.substr(std::strlen(master::kAdoptCheck)));
    if (first.starts_with(master::kAdopt))
        return master::adopt(own_program(), first.substr(std::strlen(master::kAdopt)));
    if (first == "reload" || first == "upgrade" || first == "stop" || first == "status")
        return master::run_command(first, rest);
    if (first == "check") return run_check(rest, without_own_names(environment));
    return serve(first == "dev" ? dev_arguments(rest) : arguments, environment);
}

}  // namespace
}  // namespace mew::app

int main(int argc, char** argv) {
    mew::app::open_standard_descriptors();
    return mew::app::run(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}
