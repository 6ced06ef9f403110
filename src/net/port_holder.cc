#include "net/port_holder.h"

#include <dirent.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "os/proc.h"

namespace mew::net {
namespace {

constexpr unsigned kListening = 0x0a;

struct ListeningSocket {
    std::uint64_t inode = 0;
    unsigned uid = 0;
};

// One line of /proc/net/tcp:
// "  0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  33  0 18342 1 ..."
std::optional<ListeningSocket> parse_line(const std::string& line, std::uint16_t port) {
    unsigned local_port = 0;
    unsigned state = 0;
    unsigned uid = 0;
    unsigned long long inode = 0;
    // Address fields are 8 or 32 hex digits; widths keep a damaged line inside the buffers.
    const int fields = std::sscanf(
        line.c_str(), " %*d: %*64[0-9A-Fa-f]:%4X %*64[0-9A-Fa-f]:%*4X %2X %*s %*s %*s %u %*s %llu",
        &local_port, &state, &uid, &inode);
    if (fields != 4 || local_port != port || state != kListening) return std::nullopt;
    return ListeningSocket{inode, uid};
}

void find_listening(const char* table, std::uint16_t port, std::vector<ListeningSocket>& found) {
    const auto text = os::read_small_file(table, std::size_t{256} << 20);
    if (!text) return;
    std::size_t start = 0;
    while (start < text->size()) {
        const std::size_t end = std::min(text->find('\n', start), text->size());
        if (auto socket = parse_line(text->substr(start, end - start), port))
            found.push_back(*socket);
        start = end + 1;
    }
}

template <class Visit>
void for_each_number(const std::string& folder, Visit visit) {
    DIR* const opened = ::opendir(folder.c_str());
    if (opened == nullptr) return;
    while (const dirent* entry = ::readdir(opened)) {
        int number = 0;
        const char* const end = entry->d_name + std::string_view(entry->d_name).size();
        const auto [rest, problem] = std::from_chars(entry->d_name, end, number);
        if (problem == std::errc{} && rest == end) visit(number);
    }
    ::closedir(opened);
}

bool holds(pid_t pid, const std::vector<std::string>& links) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
    bool found = false;
    for_each_number(folder, [&](int fd) {
        std::array<char, 64> target{};
        const std::string path = folder + "/" + std::to_string(fd);
        const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
        if (size <= 0) return;
        const std::string_view link(target.data(), static_cast<std::size_t>(size));
        found = found || std::find(links.begin(), links.end(), link) != links.end();
    });
    return found;
}

// Of a server with workers all hold the socket; the oldest one is the one to stop.
std::optional<pid_t> oldest_holder(const std::vector<ListeningSocket>& sockets) {
    std::vector<std::string> links;
    links.reserve(sockets.size());
    for (const auto& socket : sockets)
        links.push_back("socket:[" + std::to_string(socket.inode) + "]");
    std::optional<pid_t> oldest;
    std::uint64_t oldest_start = 0;
    for_each_number("/proc", [&](int pid) {
        if (!holds(pid, links)) return;
        const auto stat = os::read_stat(pid);
        const std::uint64_t start = stat ? stat->start_ticks : ~std::uint64_t{0};
        if (oldest && start > oldest_start) return;
        if (oldest && start == oldest_start && pid > *oldest) return;
        oldest = pid;
        oldest_start = start;
    });
    return oldest;
}

}  // namespace

std::string describe_port_holder(std::uint16_t port) {
    std::vector<ListeningSocket> sockets;
    find_listening("/proc/net/tcp", port, sockets);
    find_listening("/proc/net/tcp6", port, sockets);
    if (sockets.empty()) return "another program";
    const auto pid = oldest_holder(sockets);
    if (!pid)
        return "a process of the user with number " + std::to_string(sockets.front().uid) +
               ", which only that user and root can name";
    if (*pid == ::getpid()) return "this server itself: the port is asked for twice";
    const std::string command = os::command_line(*pid);
    std::string text = "pid " + std::to_string(*pid);
    if (!command.empty()) text += " (" + command + ")";
    return text;
}

}  // namespace mew::net
