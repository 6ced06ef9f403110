#include "master/pidfile.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <charconv>
#include <csignal>
#include <filesystem>

#include "os/proc.h"

namespace mew::master {
namespace {

// A lock tells a live owner from a pid that some other program bears by now; the owner of a file
// written by another server is told by its pid alone.
base::Result<void> refuse_live_owner(const std::string& path, int fd, pid_t self) {
    auto named = read_pidfile(path);
    const pid_t pid = named ? *named : 0;
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return base::fail_errno("pidfile " + path + ": cannot lock it");
        return base::fail("pidfile " + path + ": a server with pid " + std::to_string(pid) +
                          " is running; stop it with `mewsgi stop --pidfile " + path + "`");
    }
    if (pid <= 0 || pid == self || ::kill(pid, 0) != 0) return {};
    const std::string program = os::command_line(pid);
    // Without a lock the pid may have been given to any program since the file was written.
    if (program.find("wsgi") == std::string::npos) return {};
    return base::fail("pidfile " + path + ": process " + std::to_string(pid) + " (" + program +
                      ") is running; stop it or give another pidfile");
}

}  // namespace

base::Result<pid_t> read_pidfile(const std::string& path) {
    auto text = os::read_small_file(path, 4096);
    if (!text) return std::move(text).failure();
    const char* begin = text->data();
    const char* end = begin + text->size();
    while (begin != end && (*begin == ' ' || *begin == '\n')) ++begin;
    pid_t pid = 0;
    const auto [rest, error] = std::from_chars(begin, end, pid);
    const bool clean = rest == end || *rest == '\n' || *rest == ' ' || *rest == '\r';
    if (error != std::errc() || !clean || pid <= 0)
        return base::fail("pidfile " + path + " does not hold a process id");
    return pid;
}

base::Result<Pidfile> Pidfile::claim(const std::string& path, pid_t pid) {
    Pidfile result;
    std::error_code failed;
    const auto whole = std::filesystem::absolute(path, failed);
    result.path_ = failed ? path : whole.string();
    // NONBLOCK: a FIFO in that place must not hold up the start.
    result.file_.reset(
        ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644));
    if (!result.file_) return base::fail_errno("pidfile " + path + ": cannot write it");
    struct stat about {};
    if (::fstat(result.file_.get(), &about) != 0 || !S_ISREG(about.st_mode))
        return base::fail("pidfile " + path + ": is not a regular file");
    if (auto free = refuse_live_owner(path, result.file_.get(), pid); !free)
        return std::move(free).failure();
    const std::string text = std::to_string(pid) + "\n";
    if (::ftruncate(result.file_.get(), 0) != 0 ||
        ::pwrite(result.file_.get(), text.data(), text.size(), 0) !=
            static_cast<ssize_t>(text.size()))
        return base::fail_errno("pidfile " + path + ": cannot write it");
    return result;
}

Pidfile Pidfile::take_over(std::string path, os::Fd file) {
    Pidfile result;
    result.path_ = std::move(path);
    result.file_ = std::move(file);
    return result;
}

void Pidfile::remove() {
    struct stat ours {};
    struct stat there {};
    const bool same = file_ && ::fstat(file_.get(), &ours) == 0 &&
                      ::stat(path_.c_str(), &there) == 0 && ours.st_ino == there.st_ino &&
                      ours.st_dev == there.st_dev;
    if (same) ::unlink(path_.c_str());
    file_.reset();
}

}  // namespace mew::master
