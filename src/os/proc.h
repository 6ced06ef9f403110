#pragma once
// Facts about a process from /proc. What other programs wrote there is data: text is made safe to
// print, and nothing here trusts its shape.

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace mew::os {

struct ProcStat {
    std::string name;  // comm, may hold any byte
    char state = '?';  // R, S, D, Z, ...
    pid_t ppid = 0;
    pid_t group = 0;
    std::uint64_t start_ticks = 0;  // since boot: with the pid it names one process for ever
    std::uint64_t arg_start = 0;    // addresses; 0 where /proc hides them
    std::uint64_t arg_end = 0;
    std::uint64_t env_start = 0;
    std::uint64_t env_end = 0;
};

base::Result<ProcStat> read_stat(pid_t pid);
// The parser alone: the content of /proc/PID/stat.
base::Result<ProcStat> parse_stat(const std::string& text);

// "python3 manage.py runserver", at most 200 bytes, unprintable bytes as \xHH; a kernel thread or
// an unreadable one gives its name or "".
std::string command_line(pid_t pid);

// Inode of a namespace ("pid", "net") of a process.
base::Result<std::uint64_t> namespace_inode(pid_t pid, const std::string& kind);

// Threads of this process; 1 where /proc is not there to tell.
int count_threads();

// A small file whole; more than `limit` bytes is an error.
base::Result<std::string> read_small_file(const std::string& path, std::size_t limit = 1 << 20);

}  // namespace mew::os
