#include "os/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <string_view>

#include "os/fd.h"

namespace mew::os {
namespace {

constexpr std::size_t kMostCommandLine = 200;

std::string proc_path(pid_t pid, const char* leaf) {
    return "/proc/" + std::to_string(pid) + "/" + leaf;
}

// Numbered as in proc(5); the name (2) may hold blanks and brackets, so counting begins behind it.
constexpr std::size_t kFirstField = 3;
constexpr std::size_t kLastField = 51;
using Fields = std::array<std::string_view, kLastField + 1>;

Fields split_fields(std::string_view text) {
    Fields fields;
    for (std::size_t i = kFirstField; i <= kLastField && !text.empty(); ++i) {
        const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
        fields[i] = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return fields;
}

template <class Number>
bool parse(std::string_view text, Number& value) {
    return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc{};
}

std::string make_printable(std::string_view bytes) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
        if (out.size() >= kMostCommandLine) return out.substr(0, kMostCommandLine);
    }
    return out;
}

}  // namespace

base::Result<ProcStat> parse_stat(const std::string& text) {
    const std::size_t open = text.find('(');
    const std::size_t close = text.rfind(')');
    if (open == std::string::npos || close == std::string::npos || close < open ||
        close + 2 > text.size())
        return base::fail("unexpected text in /proc/PID/stat");
    const Fields fields = split_fields(std::string_view(text).substr(close + 2));
    ProcStat stat;
    stat.name = text.substr(open + 1, close - open - 1);
    stat.state = fields[3].empty() ? '?' : fields[3].front();
    if (!parse(fields[4], stat.ppid) || !parse(fields[5], stat.group) ||
        !parse(fields[22], stat.start_ticks))
        return base::fail("unexpected text in /proc/PID/stat");
    // Absent before Linux 3.5, zero where we may not look.
    parse(fields[48], stat.arg_start);
    parse(fields[49], stat.arg_end);
    parse(fields[50], stat.env_start);
    parse(fields[51], stat.env_end);
    return stat;
}

base::Result<ProcStat> read_stat(pid_t pid) {
    auto text = read_small_file(proc_path(pid, "stat"), 65536);
    if (!text) return std::move(text).failure();
    return parse_stat(*text);
}

std::string command_line(pid_t pid) {
    auto text = read_small_file(proc_path(pid, "cmdline"), std::size_t{16} << 20);
    if (text) {
        while (!text->empty() && text->back() == '\0') text->pop_back();
        for (char& c : *text) {
            if (c == '\0') c = ' ';
        }
        if (!text->empty()) return make_printable(*text);
    }
    const auto stat = read_stat(pid);
    return stat ? make_printable(stat->name) : std::string();
}

base::Result<std::uint64_t> namespace_inode(pid_t pid, const std::string& kind) {
    struct stat about {};
    const std::string path = proc_path(pid, ("ns/" + kind).c_str());
    if (::stat(path.c_str(), &about) != 0) return base::fail_errno("cannot look at " + path);
    return static_cast<std::uint64_t>(about.st_ino);
}

base::Result<std::string> read_small_file(const std::string& path, std::size_t limit) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!fd) return base::fail_errno("cannot open " + path);
    std::string content;
    std::array<char, 4096> part{};
    for (;;) {
        const ssize_t got = ::read(fd.get(), part.data(), part.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return base::fail_errno("cannot read " + path);
        if (got == 0) return content;
        content.append(part.data(), static_cast<std::size_t>(got));
        if (content.size() > limit)
            return base::fail(path + " is larger than " + std::to_string(limit) + " bytes");
    }
}

int count_threads() {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/task"), ::closedir);
    if (!folder) return 1;
    int threads = 0;
    while (const dirent* const entry = ::readdir(folder.get()))
        threads += entry->d_name[0] != '.' ? 1 : 0;
    return threads;
}

}  // namespace mew::os
