#include "log/target.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace mew::log {
namespace {

bool wait_writable(int fd, int milliseconds) {
    pollfd poller{fd, POLLOUT, 0};
    int ready = 0;
    do ready = ::poll(&poller, 1, milliseconds);
    while (ready < 0 && errno == EINTR);
    return ready > 0 && (poller.revents & POLLOUT) != 0;
}

os::Fd open_again(int fd) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return os::Fd(::open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace

void Target::open(int fd, bool may_wait) {
    fd_ = fd;
    may_wait_ = may_wait;
    own_.reset();
    rest_.clear();
    kind_ = Kind::other;
    struct stat about {};
    if (::fstat(fd, &about) != 0) return;
    if (S_ISFIFO(about.st_mode)) kind_ = Kind::pipe;
    if (S_ISSOCK(about.st_mode)) kind_ = Kind::socket;
    if (S_ISREG(about.st_mode)) kind_ = Kind::file;
    // Not for files: a description of our own would have an offset of its own as well.
    if (!may_wait && (kind_ == Kind::pipe || S_ISCHR(about.st_mode))) own_ = open_again(fd);
}

bool Target::write(std::string_view lines) {
    return may_wait_ ? write_waiting(lines) : write_at_once(lines);
}

bool Target::write_lines(std::string_view lines) {
    if (kind_ != Kind::pipe) return lines.empty() || write(lines);
    bool all = true;
    while (!lines.empty()) {
        std::size_t size = lines.size();
        if (size > PIPE_BUF) {
            const std::size_t end = lines.rfind('\n', PIPE_BUF - 1);
            size = end != std::string_view::npos ? end + 1 : lines.find('\n') + 1;
            if (size == 0) size = lines.size();
        }
        all = write(lines.substr(0, size)) && all;
        lines.remove_prefix(size);
    }
    return all;
}

bool Target::write_waiting(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
        if (done >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(done));
        } else if (errno == EAGAIN) {
            // Somebody made the shared description non-blocking.
            if (!wait_writable(fd_, -1)) return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

bool Target::write_at_once(std::string_view bytes) {
    if (!rest_.empty()) {
        rest_.erase(0, push(rest_));
        if (!rest_.empty()) return false;
    }
    const std::size_t done = push(bytes);
    if (done == 0 && !bytes.empty()) return false;
    rest_ = bytes.substr(done);
    return true;
}

// How many bytes went out without waiting.
std::size_t Target::push(std::string_view bytes) const {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
        const std::string_view left = bytes.substr(sent);
        ssize_t done = 0;
        if (kind_ == Kind::socket) {
            done = ::send(fd_, left.data(), left.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        } else if (own_ || kind_ == Kind::file) {
            done = ::write(own_ ? own_.get() : fd_, left.data(), left.size());
        } else {
            if (!wait_writable(fd_, 0)) break;
            done = ::write(fd_, left.data(), std::min<std::size_t>(left.size(), PIPE_BUF));
        }
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) break;
        sent += static_cast<std::size_t>(done);
    }
    return sent;
}

}  // namespace mew::log
