#include "net/inherited.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "net/socket_name.h"

namespace mew::net {
namespace {

constexpr int kFirstPassed = 3;  // SD_LISTEN_FDS_START
constexpr int kMostPassed = 4096;
constexpr std::array kPassing = {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"};

std::optional<std::string> find(const std::vector<std::string>& environment,
                                std::string_view name) {
    for (const std::string& entry : environment) {
        if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=')
            return entry.substr(name.size() + 1);
    }
    return std::nullopt;
}

std::optional<int> parse_count(const std::string& text, int most) {
    int number = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc{} || rest != end || number < 0 || number > most) return std::nullopt;
    return number;
}

std::vector<std::string> split_names(const std::string& text) {
    std::vector<std::string> names;
    std::size_t start = 0;
    while (start <= text.size()) {
        const std::size_t end = std::min(text.find(':', start), text.size());
        names.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return names;
}

std::string describe(const Inherited& socket) {
    const std::string who = socket.giver.empty() ? "" : " (inherited " + socket.giver + ")";
    return "descriptor " + std::to_string(socket.fd) + who;
}

int read_option(int fd, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    return ::getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

bool is_listening(int fd) { return read_option(fd, SO_ACCEPTCONN) == 1; }

bool is_connected(int fd) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

// Standard input must stay open, or the next thing opened would be it.
base::Result<os::Fd> move_from_standard_input() {
    os::Fd moved(::fcntl(0, F_DUPFD_CLOEXEC, kFirstPassed));
    const os::Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!moved || !nothing || ::dup2(nothing.get(), 0) != 0)
        return base::fail_errno("cannot give the socket on standard input another number");
    return moved;
}

}  // namespace

base::Result<std::vector<Inherited>> find_inherited(const std::vector<std::string>& environment,
                                                    pid_t pid) {
    std::vector<Inherited> found;
    const auto meant_for = find(environment, "LISTEN_PID");
    const auto count_text = find(environment, "LISTEN_FDS");
    if (meant_for && count_text && *meant_for == std::to_string(pid)) {
        const auto count = parse_count(*count_text, kMostPassed);
        if (!count)
            return base::fail("LISTEN_FDS = '" + *count_text + "' is no number of sockets, but " +
                              "LISTEN_PID says that it is meant for this process");
        const auto names = split_names(find(environment, "LISTEN_FDNAMES").value_or(""));
        for (int i = 0; i < *count; ++i) {
            const auto place = static_cast<std::size_t>(i);
            const std::string name = place < names.size() ? names[place] : "";
            found.push_back(
                {kFirstPassed + i, "from systemd" + (name.empty() ? "" : " as " + name)});
        }
    }
    if (is_listening(0)) found.push_back({0, "as standard input"});
    return found;
}

void forget_passing(std::vector<std::string>& environment) {
    for (const char* name : kPassing) {
        const std::string beginning = std::string(name) + "=";
        std::erase_if(environment,
                      [&](const std::string& entry) { return entry.starts_with(beginning); });
        ::unsetenv(name);
    }
}

base::Result<void> check_listening(const Inherited& socket) {
    const std::string name = describe(socket);
    struct stat about {};
    if (::fstat(socket.fd, &about) != 0)
        return base::fail(name + " is not open; whoever starts mewsgi must pass the socket on");
    if (socket.fd == 1 || socket.fd == 2)
        return base::fail(name + " is where the log goes; pass the socket as 0, or as 3 or higher");
    if (!S_ISSOCK(about.st_mode))
        return base::fail(name + " is no socket; it must be a stream socket that listens");
    const int family = read_option(socket.fd, SO_DOMAIN);
    if (read_option(socket.fd, SO_TYPE) != SOCK_STREAM ||
        (family != AF_UNIX && family != AF_INET && family != AF_INET6))
        return base::fail(name + " is no TCP or UNIX stream socket; in a systemd .socket unit, " +
                          "ListenStream gives one");
    if (is_listening(socket.fd)) return {};
    if (is_connected(socket.fd))
        return base::fail(name + " is one connection, not a listening socket; in a systemd " +
                          ".socket unit set Accept=no, with inetd use wait");
    return base::fail(name + " does not listen; whoever bound the socket must call listen() too");
}

base::Result<Listener> adopt_listener(Protocol protocol, const std::string& option,
                                      const Inherited& socket) {
    auto name = name_of_socket(socket.fd);
    if (!name) return std::move(name).failure();
    Listener listener;
    listener.fd = os::Fd(socket.fd);
    if (socket.fd == 0) {
        listener.fd.release();
        auto moved = move_from_standard_input();
        if (!moved) return std::move(moved).failure();
        listener.fd = std::move(*moved);
    }
    const int fd = listener.fd.get();
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return base::fail_errno("cannot prepare " + describe(socket));
    const int on = 1;
    if (!name->unix_socket) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    listener.giver = socket.giver;
    listener.inherited = true;
    describe_listener(listener, protocol, option, name->text);
    return listener;
}

}  // namespace mew::net
