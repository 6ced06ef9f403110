#pragma once
// A row of the option table: everything that command line, files, environment, --help, the manual
// page, did-you-mean and the block between processes know about one option.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "options/options.h"

namespace mew::options {

enum class Type : std::uint8_t {
    boolean,
    integer,
    bytes,     // 64k, 1m, 2g
    duration,  // 30, 30s, 1.5m, 2h, 500ms
    text,
    path,
    address,
    octal,
    choice,
    setting,  // NAME=VALUE
    action,   // acts while options are gathered: config files, placeholders, help
};

enum class Change : std::uint8_t { live, new_generation, restart };
enum class Status : std::uint8_t { works, no_effect };
enum class Group : std::uint8_t {
    app,
    processes,
    async,
    sockets,
    http,
    tls,
    stopping,
    log,
    configuration
};

// Flags of a row.
inline constexpr unsigned kRepeatable = 1;     // values gather in order
inline constexpr unsigned kOptionalValue = 2;  // may stand alone: `bare` says what that means
inline constexpr unsigned kSecret = 4;         // never shown in logs
inline constexpr unsigned kDerived = 8;        // sets fields of other rows; has no value of its own
inline constexpr unsigned kCommandLine = 16;   // no use in files and environment
inline constexpr unsigned kFronts = 32;        // fronts use it, as they use all of Group::http

struct Row;
// For fields that one value does not simply replace.
struct Custom {
    base::Result<void> (*apply)(Options&, const Row&, std::string_view value);
    std::vector<std::string> (*show)(const Options&);  // nullptr with kDerived
    bool told_by_text = false;  // what is shown, applied, gives the same field again
};

using Field =
    std::variant<std::monostate, bool Options::*, int Options::*, std::uint32_t Options::*,
                 std::uint64_t Options::*, Milliseconds Options::*, std::string Options::*,
                 std::vector<std::string> Options::*, Preload Options::*, Custom>;

// Durations are bounded in milliseconds.
struct Bounds {
    std::int64_t low = 0;
    std::int64_t high = 0;
};

struct Row {
    std::string_view name;
    char short_form = '\0';
    Type type = Type::text;
    Group group = Group::app;
    Field field;
    std::string_view default_text;  // as --help shows it; "" where there is none
    std::string_view value_name;    // FILE, ADDRESS; "" for flags
    std::string_view help;
    Bounds bounds;
    std::string_view choices;  // blank-separated
    unsigned flags = 0;
    std::string_view aliases;  // blank-separated other names, uWSGI's among them
    Change change = Change::new_generation;
    Status status = Status::works;
    std::string_view reason;  // why it has no effect
    std::string_view bare;    // the value meant by the name alone
    bool uwsgi = true;        // uWSGI knows the name, with this meaning
};

std::span<const Row> table();
// By name or alias; nullptr: no such option.
const Row* find_row(std::string_view name);
const Row* find_short(char letter);

std::string_view group_title(Group group);
std::string_view group_name(Group group);  // as in `--help http`

// The blank-separated words of a row's aliases or choices.
std::vector<std::string_view> words(std::string_view text);

}  // namespace mew::options
