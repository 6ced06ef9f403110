#pragma once
// From argv, environment and files to Options: architecture, section 6. Gathers every mistake with
// its place, and never stops at the first.

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "options/options.h"

namespace mew::options {

// One option as it was given, in order, after expansion: what `uwsgi.opt` shows. Placeholders too.
struct Given {
    std::string name;    // canonical uWSGI name ("http-socket")
    std::string value;   // "" or "true" for a bare flag: see `bare`
    bool bare = false;   // given without a value
    std::string origin;  // "command line", "app.ini:12", "environment UWSGI_HTTP"
};

struct Mistake {
    std::string origin;
    std::string text;    // a sentence, with what to do
};

struct Loaded {
    Options options;
    std::vector<Given> given;
    std::vector<Mistake> warnings;
    std::vector<Mistake> mistakes;   // not empty: must not start
};

struct Request {                     // what the command line asked for instead of serving
    enum class Kind { serve, help, version } kind = Kind::serve;
    std::string topic;               // help: a group or an option name; empty: the overview
};

// `arguments` without the program name. `environment` as NAME=VALUE. Reads files, nothing else.
Loaded load(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
            Request& request);

// Options as a block of NAME\0VALUE\0 pairs that another process of this build reads back
// (zygote, worker, `mewsgi check --emit`). Lossless for Options and `given`.
std::string encode_block(const Loaded& loaded);
base::Result<Loaded> decode_block(const std::string& block);

std::string help_text(const std::string& topic, bool colour);

}  // namespace mew::options
