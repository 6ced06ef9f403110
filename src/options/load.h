#pragma once
// From argv, environment and files to Options: architecture, section 6. Gathers every mistake with
// its place, and never stops at the first. Runs in the native program before a socket is bound;
// zygotes and workers read the finished block and parse nothing.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "net/inherited.h"
#include "options/options.h"

namespace mew::options {

// One option as it was given, in order, after expansion: what `uwsgi.opt` shows. Placeholders too.
struct Given {
    std::string name;     // canonical uWSGI name ("http-socket")
    std::string value;    // "" or "true" for a bare flag: see `bare`
    bool bare = false;    // given without a value
    std::string origin;   // "command line", "app.ini:12", "environment UWSGI_HTTP"
    std::string written;  // the name as the user wrote it: "home" for virtualenv

    bool operator==(const Given&) const = default;
};

struct Mistake {
    std::string origin;
    std::string text;  // a sentence, with what to do

    bool operator==(const Mistake&) const = default;
};

struct Loaded {
    Options options;
    std::vector<Given> given;
    std::vector<Mistake> warnings;
    std::vector<Mistake> mistakes;  // not empty: must not start

    bool operator==(const Loaded&) const = default;
};

struct Request {  // what the command line asked for instead of serving
    enum class Kind { serve, help, version } kind = Kind::serve;
    std::string topic;  // help: a group or an option name; empty: the overview
};

// `arguments` without the program name. `environment` as NAME=VALUE. Reads files, nothing else.
// With sockets that were `passed` to this process, no address need be named.
Loaded load(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            Request& request, const std::vector<net::Inherited>& passed = {});

// Options as a block that another process of this build reads back (zygote, worker,
// `mewsgi check --emit`). Lossless, whatever bytes a value holds.
std::string encode_block(const Loaded& loaded);
base::Result<Loaded> decode_block(const std::string& block);

// What is in force, option by option in the order of the table: `uwsgi.opt` and `mewsgi check`.
struct Effective {
    using Value = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;
    std::string name;
    Value value;           // double: seconds
    std::string text;      // the value as one would write it; lists joined by ", "
    bool changed = false;  // differs from the default
};
std::vector<Effective> effective(const Options& options);

// The options that fronts use and that differ, by name: fronts of the one set cannot do for the
// other.
std::vector<std::string> front_changes(const Options& one, const Options& other);

// One line for each option given: what came of it.
struct Explanation {
    std::string name;
    std::string value;
    std::string origin;
    std::string meaning;
};
std::vector<Explanation> explain(const Loaded& loaded);

std::string help_text(const std::string& topic, bool colour);
// docs/options.md: a test compares the page with this.
std::string markdown();

}  // namespace mew::options
