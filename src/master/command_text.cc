#include "master/command_text.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

#include "os/proc.h"

namespace mew::master {
namespace {

constexpr std::string_view kGreeting = "mewsgi 1 ";

struct Row {
    Command command;
    std::string_view name;
};
constexpr Row kRows[] = {
    {Command::reload, "reload"}, {Command::upgrade, "upgrade"},         {Command::stop, "stop"},
    {Command::status, "status"}, {Command::status_json, "status-json"},
};

}  // namespace

std::string command_line_for(Command command) {
    for (const Row& row : kRows) {
        if (row.command == command) return std::string(kGreeting) + std::string(row.name) + "\n";
    }
    return "";
}

std::optional<Command> parse_command(std::string_view line) {
    if (line.substr(0, kGreeting.size()) != kGreeting) return std::nullopt;
    line.remove_prefix(kGreeting.size());
    for (const Row& row : kRows) {
        if (row.name == line) return row.command;
    }
    return std::nullopt;
}

std::string encode_answer(const CommandAnswer& answer) {
    return std::to_string(answer.status) + "\n" + answer.text;
}

base::Result<CommandAnswer> decode_answer(const std::string& bytes) {
    const std::size_t end = bytes.find('\n');
    CommandAnswer answer;
    const char* last = bytes.data() + (end == std::string::npos ? 0 : end);
    const auto [rest, error] = std::from_chars(bytes.data(), last, answer.status);
    if (end == std::string::npos || error != std::errc() || rest != last || answer.status < 0 ||
        answer.status > 255)
        return base::fail(bytes.empty() ? "the server closed the connection without an answer"
                                        : "the server's answer makes no sense to this mewsgi");
    answer.text = bytes.substr(end + 1);
    return answer;
}

base::Result<std::string> command_socket_name(pid_t pid) {
    auto inode = os::namespace_inode(pid, "pid");
    if (!inode) return std::move(inode).failure();
    auto status = os::read_small_file("/proc/" + std::to_string(pid) + "/status");
    if (!status) return std::move(status).failure();
    const pid_t own = innermost_pid(*status).value_or(pid);
    return "mewsgi." + std::to_string(*inode) + "." + std::to_string(own);
}

std::optional<pid_t> innermost_pid(std::string_view status) {
    constexpr std::string_view kName = "\nNSpid:";
    const std::size_t start = status.find(kName);
    if (start == std::string_view::npos) return std::nullopt;
    std::string_view line = status.substr(start + kName.size());
    line = line.substr(0, line.find('\n'));
    const std::size_t blank = line.find_last_of(" \t");
    if (blank != std::string_view::npos) line.remove_prefix(blank + 1);
    pid_t pid = 0;
    const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), pid);
    if (error != std::errc() || rest != line.data() + line.size() || pid <= 0) return std::nullopt;
    return pid;
}

std::pair<sockaddr_un, socklen_t> abstract_address(const std::string& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = std::min(name.size(), sizeof address.sun_path - 1);
    std::memcpy(address.sun_path + 1, name.data(), length);
    return {address, static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length)};
}

}  // namespace mew::master
