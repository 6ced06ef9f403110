#include "log/log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <ctime>

#include <nlohmann/json.hpp>

#include "base/format.h"
#include "log/line.h"
#include "log/target.h"

namespace mew::log {
namespace {

struct LevelRow {
    std::string_view name;
    std::string_view padded;
    std::string_view colour;
};
constexpr std::array<LevelRow, 4> kLevels{{
    {"debug", "debug  ", "\x1b[2m"},
    {"info", "info   ", ""},
    {"warning", "warning", "\x1b[33m"},
    {"error", "error  ", "\x1b[31m"},
}};
constexpr std::string_view kDim = "\x1b[2m";
constexpr std::string_view kPlainAgain = "\x1b[0m";
constexpr std::size_t kRoleWidth = 8;

struct State {
    Settings settings;
    Target target;
    std::atomic<std::uint64_t> dropped{0};
    std::uint64_t told = 0;  // drops that a line in the log already admits
};

// Constructed at first use: a log line may be written before main() in a test, and the default
// target must be known without configure().
State& state() {
    static State* const instance = new State;
    return *instance;
}

bool same_file(int a, int b) {
    struct stat first {};
    struct stat second {};
    return ::fstat(a, &first) == 0 && ::fstat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

const LevelRow& row(Level level) { return kLevels[static_cast<std::size_t>(level)]; }

std::string_view without_last_newline(std::string_view message) {
    if (message.ends_with('\n')) message.remove_suffix(1);
    return message;
}

std::string text_line(Level level, std::string_view message) {
    const State& own = state();
    const bool colour = own.settings.colour;
    std::string out;
    out.reserve(message.size() + 64);
    if (colour) out += kDim;
    append_local_time(out);
    if (colour) out += kPlainAgain;
    out += ' ';
    const bool tinted = colour && !row(level).colour.empty();
    if (tinted) out += row(level).colour;
    out += row(level).padded;
    if (tinted) out += kPlainAgain;
    out += ' ';
    out += own.settings.role;
    if (own.settings.role.size() < kRoleWidth)
        out.append(kRoleWidth - own.settings.role.size(), ' ');
    out += ' ';
    out += without_last_newline(message);
    out += '\n';
    return out;
}

std::string json_line(Level level, std::string_view event, std::string_view message,
                      std::initializer_list<Field> fields) {
    nlohmann::ordered_json object;
    std::string time;
    append_utc_time(time);
    object["time"] = time;
    object["level"] = row(level).name;
    object["role"] = state().settings.role;
    object["pid"] = ::getpid();
    object["event"] = event;
    object["message"] = without_last_newline(message);
    for (const Field& field : fields) {
        std::visit([&](const auto& value) { object[std::string(field.name)] = value; },
                   field.value);
    }
    return object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string line(Level level, std::string_view event, std::string_view message,
                 std::initializer_list<Field> fields) {
    return state().settings.json ? json_line(level, event, message, fields)
                                 : text_line(level, message);
}

// A log with a hole must say so, right before the first line that gets through again.
std::string drops_line(std::uint64_t lost) {
    if (lost == 0) return {};
    return line(Level::warning, "log-lines-lost",
                base::format("{} log lines were lost here: the log could not take them", lost),
                {{"lost", static_cast<std::int64_t>(lost)}});
}

struct Now {
    std::time_t seconds;
    int milliseconds;
};

Now now() {
    using std::chrono::milliseconds;
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    const auto count = std::chrono::duration_cast<milliseconds>(since).count();
    return {static_cast<std::time_t>(count / 1000), static_cast<int>(count % 1000)};
}

void append_time(std::string& out, const char* format, const std::tm& parts, int milliseconds) {
    std::array<char, 48> text{};
    std::size_t size = std::strftime(text.data(), text.size(), format, &parts);
    size += static_cast<std::size_t>(
        std::snprintf(text.data() + size, text.size() - size, ".%03d", milliseconds));
    out.append(text.data(), size);
}

}  // namespace

void append_local_time(std::string& out) {
    const Now moment = now();
    std::tm parts{};
    ::localtime_r(&moment.seconds, &parts);
    append_time(out, "%Y-%m-%d %H:%M:%S", parts, moment.milliseconds);
}

void append_utc_time(std::string& out) {
    const Now moment = now();
    std::tm parts{};
    ::gmtime_r(&moment.seconds, &parts);
    append_time(out, "%Y-%m-%dT%H:%M:%S", parts, moment.milliseconds);
    out += 'Z';
}

void configure(Settings settings) {
    State& own = state();
    own.settings = std::move(settings);
    own.told = own.dropped;
    own.target.open(own.settings.fd, own.settings.may_wait);
}

const Settings& settings() { return state().settings; }

void set_role(std::string role) { state().settings.role = std::move(role); }

void set_fd(int fd) {
    State& own = state();
    own.settings.fd = fd;
    own.target.open(fd, own.settings.may_wait);
}

void replace_target(int target) {
    const int fd = state().settings.fd;
    for (const int output : {STDOUT_FILENO, STDERR_FILENO}) {
        if (output != fd && same_file(output, fd)) ::dup2(target, output);
    }
    if (fd > STDERR_FILENO) {
        ::dup3(target, fd, O_CLOEXEC);
    } else {
        ::dup2(target, fd);
    }
    set_fd(fd);
}

bool enabled(Level level) { return level >= state().settings.level; }

void write(Level level, std::string_view event, std::string_view message,
           std::initializer_list<Field> fields) {
    if (!enabled(level)) return;
    State& own = state();
    const std::uint64_t dropped_before = own.dropped;
    // Together, so that the admission never takes the last room from the line that it announces.
    const auto lines = drops_line(dropped_before - own.told) + line(level, event, message, fields);
    if (write_ready_lines(lines)) own.told = dropped_before;
}

std::uint64_t dropped() { return state().dropped; }

void carry_dropped(std::uint64_t lines) {
    state().dropped += lines;
    state().told += lines;
}

bool write_ready_lines(std::string_view lines) {
    State& own = state();
    if (own.target.write_lines(lines)) return true;
    ++own.dropped;
    return false;
}

}  // namespace mew::log
