#pragma once
// Where log bytes go: a descriptor that the master chose, shared with other processes and with the
// app, so its flags are not ours to change. Internal to log/.
//
// A process that must not wait (the master) writes through a description of its own where the
// kernel allows one (pipe, terminal): /proc/self/fd opened again with O_NONBLOCK. Else it polls and
// writes at most PIPE_BUF at a time, which a pipe that polled writable takes without blocking.

#include <cstdint>
#include <string>
#include <string_view>

#include "os/fd.h"

namespace mew::log {

class Target {
public:
    // `fd` is borrowed.
    void open(int fd, bool may_wait);
    int fd() const { return fd_; }

    // One whole line or several. Lines that do not get through are dropped, but never half a line:
    // what is left of a long one is kept and goes first next time.
    bool write(std::string_view lines);

    // Several lines, split at line ends so that lines of other processes on the same pipe never
    // land inside one of ours.
    bool write_lines(std::string_view lines);

private:
    enum class Kind : std::uint8_t { pipe, socket, file, other };

    bool write_waiting(std::string_view bytes) const;
    bool write_at_once(std::string_view bytes);
    std::size_t push(std::string_view bytes) const;

    int fd_ = 2;
    Kind kind_ = Kind::other;
    bool may_wait_ = true;
    os::Fd own_;        // non-blocking description of the same pipe or terminal
    std::string rest_;  // of a line that was begun
};

}  // namespace mew::log
