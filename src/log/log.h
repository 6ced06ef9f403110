#pragma once
// The server log: one event a line, as text for people or (--log-json) as one JSON object.
// Every process writes its own lines, each with a single write(2), to the descriptor that the
// master chose. Never blocks a process that must not wait: see Target.
//
// Text form: "2026-11-22 22:40:01.123 info  master   spawned mewsgi worker 1 (pid: 1221, cores: 1)"
// JSON form: {"time":"2026-11-22T22:40:01.123Z","level":"info","role":"master","pid":1221,
//             "event":"worker-spawned","message":"spawned ...","worker":1}
// Whatever bytes a message holds, the JSON is valid UTF-8 (bad bytes become U+FFFD).

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/format.h"

namespace mew::log {

enum class Level : std::uint8_t { debug, info, warning, error };

// A named value that JSON shows as a key of its own; text shows the message only.
struct Field {
    std::string_view name;
    std::variant<std::int64_t, double, bool, std::string_view> value;
};

struct Settings {
    int fd = 2;  // borrowed
    bool json = false;
    bool colour = false;   // text only
    bool may_wait = true;  // false (master): poll(2) first; full pipe: drop and count
    Level level = Level::info;
    std::string role = "master";  // master, zygote, worker 3, ...
};

void configure(Settings settings);
const Settings& settings();
// After a fork, or when the log was opened again.
void set_role(std::string role);
void set_fd(int fd);
// The log was opened again as `target`: it takes over the number that the log has, and 1 and 2 as
// far as they led to the old log (under --log-json they are the logger's pipe, and stay).
void replace_target(int target);

bool enabled(Level level);
// `event` is a stable kebab-case name for machines; `message` may hold several lines (a traceback):
// text writes them as they are, JSON as one object.
void write(Level level, std::string_view event, std::string_view message,
           std::initializer_list<Field> fields = {});

template <class... Args>
void debug(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::debug))
        write(Level::debug, event, base::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void info(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
    if (enabled(Level::info))
        write(Level::info, event, base::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void warning(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
    write(Level::warning, event, base::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void error(std::string_view event, fmt::format_string<Args...> format, Args&&... args) {
    write(Level::error, event, base::format(format, std::forward<Args>(args)...));
}

// Lines dropped because the target was full (may_wait = false only).
std::uint64_t dropped();
// Those of the process before this one (upgrade), which were told of.
void carry_dropped(std::uint64_t lines);

}  // namespace mew::log
