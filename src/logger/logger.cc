#include "logger/logger.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <string_view>

#include "log/escape.h"
#include "log/line.h"
#include "log/log.h"
#include "logger/lines.h"
#include "os/process_title.h"
#include "os/signals.h"

namespace mew::logger {
namespace {

constexpr std::size_t kReadSize = 65536;

// No pid: many processes share the pipe, so whose line it is cannot be known.
void append_event(std::string& out, std::string_view line, bool continues) {
    out += "{\"time\":\"";
    log::append_utc_time(out);
    out += "\",\"level\":\"info\",\"role\":\"output\",\"event\":\"output\",\"message\":";
    log::append_json_string(out, line);
    if (continues) out += ",\"continues\":true";
    out += "}\n";
}

struct Wake {
    bool readable = false;
    bool ended = false;
    bool told_to_end = false;
};

Wake wait(int input, int signals, int milliseconds) {
    std::array<pollfd, 2> watched{{{input, POLLIN, 0}, {signals, POLLIN, 0}}};
    if (::poll(watched.data(), watched.size(), milliseconds) < 0) return {.ended = errno != EINTR};
    Wake wake;
    wake.readable = (watched[0].revents & POLLIN) != 0;
    wake.ended = !wake.readable && watched[0].revents != 0;
    wake.told_to_end = watched[1].revents != 0;
    return wake;
}

class Logger {
public:
    Logger(int input, int signals)
        : input_(input), signals_(signals), lines_([this](std::string_view line, bool continues) {
              append_event(events_, line, continues);
          }) {}

    void run() {
        while (step()) {
        }
        lines_.finish();
        flush();
    }

private:
    // False: the end.
    bool step() {
        const Wake wake = wait(input_, signals_, -1);
        if (wake.told_to_end) {
            read_what_is_there();
            return false;
        }
        if (wake.readable) return read_some() != 0;
        return !wake.ended;
    }

    // What the pipe holds now, not what an app that never stops adds meanwhile.
    void read_what_is_there() {
        ssize_t left = std::max(::fcntl(input_, F_GETPIPE_SZ), 0);
        while (left > 0 && wait(input_, signals_, 0).readable) {
            const ssize_t got = read_some();
            if (got == 0) return;
            left -= std::max<ssize_t>(got, 0);
        }
    }

    // As read(2), but -1 is no end.
    ssize_t read_some() {
        const ssize_t got = ::read(input_, buffer_.data(), buffer_.size());
        if (got < 0) return errno == EINTR || errno == EAGAIN ? -1 : 0;
        lines_.feed({buffer_.data(), static_cast<std::size_t>(got)});
        flush();
        return got;
    }

    // A target that is gone is no reason to end: the app's print would then fail or wait.
    void flush() {
        if (!events_.empty()) log::write_ready_lines(events_);
        events_.clear();
    }

    int input_;
    int signals_;
    std::string events_;
    Lines lines_;
    std::array<char, kReadSize> buffer_{};
};

}  // namespace

int run(int input, int output) {
    ::prctl(PR_SET_NAME, "mewsgi logger");
    if (os::has_process_title()) os::set_process_title("mewsgi logger");
    os::ignore_signals({SIGPIPE});
    log::configure({.fd = output, .json = true, .may_wait = true, .role = "output"});
    const auto signals = os::open_signals({SIGTERM, SIGINT});
    if (!signals) return 1;
    Logger(input, signals->get()).run();
    return 0;
}

}  // namespace mew::logger
