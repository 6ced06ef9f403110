#include "master/command_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "master/command_text.h"
#include "master/pidfile.h"
#include "master/program.h"
#include "os/fd.h"

namespace mew::master {
namespace {

struct Target {
    pid_t pid = 0;
    bool json = false;
    bool help = false;
};

int complain(int status, const std::string& text) {
    std::fprintf(stderr, "mewsgi: %s\n", text.c_str());
    return status;
}

base::Result<pid_t> parse_pid(const std::string& text) {
    pid_t pid = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, pid);
    if (error != std::errc() || rest != end || pid <= 0)
        return base::fail("'" + text + "' is not a process id; give one, or --pidfile FILE");
    return pid;
}

// The value of "--name VALUE" or "--name=VALUE" at `i`, which moves past it.
bool take_value(const std::vector<std::string>& arguments, std::size_t& i, const std::string& name,
                std::string& value) {
    const std::string& argument = arguments[i];
    if (argument.compare(0, name.size() + 1, name + "=") == 0) {
        value = argument.substr(name.size() + 1);
        return true;
    }
    if (argument != name) return false;
    value = i + 1 < arguments.size() ? arguments[++i] : "";
    return true;
}

base::Result<Target> parse_target(const std::string& name,
                                  const std::vector<std::string>& arguments) {
    Target target;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        std::string value;
        base::Result<pid_t> pid = 0;
        if (arguments[i] == "--help" || arguments[i] == "-h") {
            target.help = true;
            return target;
        }
        if (arguments[i] == "--json" && name == "status") {
            target.json = true;
            continue;
        }
        if (take_value(arguments, i, "--pidfile", value)) {
            pid = read_pidfile(value);
        } else if (take_value(arguments, i, "--pid", value)) {
            pid = parse_pid(value);
        } else if (!arguments[i].empty() && arguments[i][0] == '-') {
            return base::fail(name + ": unknown option '" + arguments[i] +
                              "'; it takes --pidfile FILE, --pid PID or a pid" +
                              (name == "status" ? ", and --json" : ""));
        } else {
            pid = parse_pid(arguments[i]);
        }
        if (!pid) return std::move(pid).failure();
        target.pid = *pid;
    }
    if (target.pid == 0) return base::fail(name + ": which server? Give its pid or --pidfile FILE");
    return target;
}

base::Result<os::Fd> connect_to(pid_t pid) {
    auto name = command_socket_name(pid);
    if (!name) return std::move(name).failure();
    os::Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto [address, length] = abstract_address(*name);
    if (!socket ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
        return base::fail_errno("cannot reach it");
    ucred who{};
    socklen_t size = sizeof who;
    // An abstract name can be taken by anybody: it must be that very process that listens.
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0 || who.pid != pid)
        return base::fail("another process listens in its name");
    return socket;
}

base::Result<CommandAnswer> ask(const os::Fd& socket, Command command) {
    const std::string line = command_line_for(command);
    if (::send(socket.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0)
        return base::fail_errno("cannot ask the server");
    std::string bytes;
    char buffer[65536];
    for (;;) {
        const ssize_t n = ::recv(socket.get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        bytes.append(buffer, static_cast<std::size_t>(n));
    }
    // What is not an answer is told by its text; the server itself was there.
    auto answer = decode_answer(bytes);
    if (!answer) return CommandAnswer{kExitError, "mewsgi: " + answer.error().text + "\n"};
    return answer;
}

void wait_for_end(int pidfd) {
    pollfd wait{pidfd, POLLIN, 0};
    while (::poll(&wait, 1, -1) < 0 && errno == EINTR) {
    }
}

int usage(const std::string& name) {
    std::printf("mewsgi %s [--pidfile FILE | --pid PID | PID]%s\n", name.c_str(),
                name == "status" ? " [--json]" : "");
    return kExitDone;
}

}  // namespace

base::Result<CommandAnswer> ask_server(pid_t pid, Command command) {
    auto socket = connect_to(pid);
    if (!socket) return std::move(socket).failure();
    return ask(*socket, command);
}

int run_command(const std::string& name, const std::vector<std::string>& arguments) {
    auto target = parse_target(name, arguments);
    if (!target) {
        // A pidfile that is not there says the same as a pid that is not there.
        const int status = target.error().code == ENOENT ? kExitNotRunning : kExitError;
        return complain(status, target.error().text +
                                    (status == kExitNotRunning ? "; is the server running?" : ""));
    }
    if (target->help) return usage(name);
    const std::string process = "process " + std::to_string(target->pid);
    // Before anything is asked, so that no successor with the same pid is waited for.
    os::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, target->pid, 0)));
    if (!pidfd) return complain(kExitNotRunning, "not running: there is no " + process);
    Command command = Command::reload;
    if (name == "upgrade") command = Command::upgrade;
    if (name == "stop") command = Command::stop;
    if (name == "status") command = target->json ? Command::status_json : Command::status;
    auto answer = ask_server(target->pid, command);
    if (!answer) {
        const bool refused = answer.error().code == EACCES || answer.error().code == EPERM;
        if (refused)
            return complain(kExitError, process +
                                            " belongs to another user; call this as that "
                                            "user or as root");
        return complain(kExitNotRunning,
                        "not running: " + process + " is no mewsgi server that takes commands");
    }
    std::fputs(answer->text.c_str(), answer->status == 0 ? stdout : stderr);
    if (command == Command::stop && answer->status == 0) wait_for_end(pidfd.get());
    return answer->status;
}

}  // namespace mew::master
