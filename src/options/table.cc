// The option table. Adding an option = one row here + one field in options.h; a test checks that
// each default text is what the field starts with, that names are unique and that docs/options.md
// follows. Read by everything in this folder; constant, so shared by all processes.

#include <array>

#include "options/apply.h"
#include "options/row.h"

namespace mew::options {
namespace {

using enum Change;
using enum Status;
using enum Type;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kMebi = 1024 * 1024;
constexpr std::int64_t kGibi = 1024 * kMebi;

constexpr Row kTable[] = {
    // ---- the application
    {.name = "module", .short_form = 'w', .type = text, .group = Group::app,
     .field = &Options::module, .value_name = "MODULE[:CALLABLE]",
     .help = "The app, by import: pkg.mod, pkg.mod:app, or pkg.mod:make_app() to call a factory.",
     .aliases = "wsgi"},
    {.name = "wsgi-file", .type = path, .group = Group::app, .field = &Options::wsgi_file,
     .value_name = "FILE", .help = "The app, by file: a .py or .wsgi file that defines it.",
     .aliases = "file"},
    {.name = "callable", .type = text, .group = Group::app, .field = &Options::callable,
     .default_text = "application, then app", .value_name = "NAME",
     .help = "Name of the app in its module or file."},
    {.name = "chdir", .type = path, .group = Group::app, .field = &Options::chdir,
     .value_name = "FOLDER", .help = "Folder to change to before the app is imported."},
    {.name = "pythonpath", .type = path, .group = Group::app, .field = &Options::pythonpath,
     .value_name = "FOLDER",
     .help = "Put a folder at the head of sys.path; wildcards are expanded, the last one given "
             "comes first.",
     .flags = kRepeatable, .aliases = "pp python-path"},
    {.name = "virtualenv", .short_form = 'H', .type = path, .group = Group::app,
     .field = &Options::virtualenv, .default_text = "the active VIRTUAL_ENV",
     .value_name = "FOLDER", .help = "Virtual environment whose python runs the app.",
     .aliases = "home venv pyhome"},
    {.name = "interpreter", .type = path, .group = Group::app, .field = &Options::interpreter,
     .default_text = "found: see README", .value_name = "PYTHON",
     .help = "The python program that runs the app, as a path or a name on PATH.", .uwsgi = false},
    {.name = "pyargv", .type = text, .group = Group::app, .field = &Options::pyargv,
     .value_name = "WORDS", .help = "What the app sees as sys.argv[1:], separated by blanks."},
    {.name = "env", .type = setting, .group = Group::app, .field = Custom{apply_env, show_env},
     .value_name = "NAME[=VALUE]",
     .help = "Set an environment variable for the app; the name alone unsets it.",
     .flags = kRepeatable | kSecret},
    {.name = "import", .type = text, .group = Group::app, .field = &Options::import_modules,
     .value_name = "MODULE", .help = "Import a module before the app is loaded.",
     .flags = kRepeatable, .aliases = "py-import pyimport python-import"},
    {.name = "need-app", .type = boolean, .group = Group::app, .field = &Options::need_app,
     .default_text = "true",
     .help = "Refuse to start, with status 22, when no app could be loaded.",
     .flags = kOptionalValue},
    {.name = "lazy-apps", .type = boolean, .group = Group::app, .field = &Options::lazy_apps,
     .default_text = "false",
     .help = "Import the app in each worker instead of once before they are forked."},
    {.name = "preload", .type = choice, .group = Group::app, .field = &Options::preload,
     .default_text = "auto", .value_name = "on|off|auto",
     .help = "Import the app once and fork workers from it; auto does, and warns of threads and "
             "connections that the import left open.",
     .choices = "on off auto", .uwsgi = false},

    // ---- processes
    {.name = "processes", .short_form = 'p', .type = integer, .group = Group::processes,
     .field = Custom{apply_processes, show_processes}, .default_text = "1",
     .value_name = "N|auto",
     .help = "How many workers serve; auto takes one per CPU that this process may use.",
     .bounds = {1, 1024}, .aliases = "workers"},
    {.name = "master", .short_form = 'M', .type = boolean, .group = Group::processes,
     .field = &Options::master, .default_text = "true",
     .help = "Supervise the workers. Always on here: mewsgi has no mode without a master.",
     .change = restart},
    {.name = "uid", .type = text, .group = Group::processes, .field = &Options::uid,
     .value_name = "USER", .help = "User, by name or number, that the app runs as."},
    {.name = "gid", .type = text, .group = Group::processes, .field = &Options::gid,
     .value_name = "GROUP", .help = "Group, by name or number, that the app runs as."},
    {.name = "pidfile", .type = path, .group = Group::processes, .field = &Options::pidfile,
     .value_name = "FILE", .help = "Write the process id of the master to a file.",
     .change = restart},
    {.name = "vacuum", .type = boolean, .group = Group::processes, .field = &Options::vacuum,
     .default_text = "true", .help = "Remove UNIX sockets and the pidfile at the end.",
     .change = live},
    {.name = "auto-procname", .type = boolean, .group = Group::processes,
     .field = &Options::auto_procname, .default_text = "false",
     .help = "Give each process a title that says what it does, for ps and top."},
    {.name = "die-on-term", .type = boolean, .group = Group::processes, .default_text = "",
     .help = "Stop at SIGTERM.", .status = no_effect,
     .reason = "SIGTERM always stops mewsgi, gracefully"},
    {.name = "single-interpreter", .short_form = 'i', .type = boolean, .group = Group::processes,
     .help = "Load the app in the main interpreter.", .status = no_effect,
     .reason = "the app always runs in the main interpreter"},
    {.name = "enable-threads", .short_form = 'T', .type = boolean, .group = Group::processes,
     .help = "Let the app start threads.", .status = no_effect,
     .reason = "threads of the app always work"},
    {.name = "plugins", .type = text, .group = Group::processes, .value_name = "NAMES",
     .help = "Plugins to load.", .flags = kRepeatable, .aliases = "plugin need-plugin need-plugins",
     .status = no_effect, .reason = "what mewsgi can do is built in"},
    {.name = "no-orphans", .type = boolean, .group = Group::processes,
     .help = "End the workers when the master dies.", .status = no_effect,
     .reason = "no worker ever outlives the master"},
    {.name = "close-on-exec", .type = boolean, .group = Group::processes,
     .help = "Keep connections from programs that the app starts.", .aliases = "close-on-exec2",
     .status = no_effect, .reason = "descriptors of mewsgi are never inherited"},

    // ---- sockets
    {.name = "http", .type = address, .group = Group::sockets,
     .field = Custom{apply_http, show_http}, .value_name = "ADDRESS",
     .help = "Serve HTTP on host:port, :port, [v6]:port, a UNIX socket's path or @name.",
     .flags = kRepeatable, .aliases = "httprouter", .change = restart},
    {.name = "http-socket", .type = address, .group = Group::sockets,
     .field = Custom{apply_http, show_http_socket}, .value_name = "ADDRESS",
     .help = "Serve HTTP in the workers themselves, for use behind another web server.",
     .flags = kRepeatable, .change = restart},
    {.name = "listen", .short_form = 'l', .type = integer, .group = Group::sockets,
     .field = &Options::listen, .default_text = "1024", .value_name = "N",
     .help = "Connections that may wait to be accepted, per socket; the kernel caps it at "
             "net.core.somaxconn.",
     .bounds = {1, 1 << 20}, .change = restart},
    {.name = "chmod-socket", .short_form = 'C', .type = octal, .group = Group::sockets,
     .field = &Options::chmod_socket, .default_text = "by umask", .value_name = "MODE",
     .help = "Mode of UNIX sockets, in octal; the name alone means 666.",
     .flags = kOptionalValue, .aliases = "chmod", .change = restart, .bare = "666"},
    {.name = "chown-socket", .type = text, .group = Group::sockets,
     .field = &Options::chown_socket, .value_name = "USER[:GROUP]",
     .help = "Owner of UNIX sockets.", .change = restart},
    {.name = "thunder-lock", .type = boolean, .group = Group::sockets,
     .help = "Let one worker at a time accept.", .status = no_effect,
     .reason = "the kernel already wakes one worker per connection"},

    // ---- HTTP limits
    {.name = "buffer-size", .short_form = 'b', .type = bytes, .group = Group::http,
     .field = &Options::buffer_size, .default_text = "32768", .value_name = "BYTES",
     .help = "Longest request line and headers together; a longer request gets a 431.",
     .bounds = {1024, 16 * kMebi}},
    {.name = "http-max-headers", .type = integer, .group = Group::http,
     .field = &Options::http_max_headers, .default_text = "200", .value_name = "N",
     .help = "Most header lines of one request.", .bounds = {8, 10000}, .uwsgi = false},
    {.name = "limit-post", .type = bytes, .group = Group::http, .field = &Options::limit_post,
     .default_text = "0", .value_name = "BYTES",
     .help = "Longest request body; a longer one gets a 413. 0: no limit.",
     .bounds = {0, INT64_MAX}},
    {.name = "post-buffering", .type = bytes, .group = Group::http,
     .field = &Options::post_buffering, .default_text = "65536", .value_name = "BYTES",
     .help = "Body bytes to wait for before the app is called, so that slow uploads do not "
             "occupy it.",
     .bounds = {0, kGibi}},
    {.name = "response-buffer", .type = bytes, .group = Group::http,
     .field = &Options::response_buffer, .default_text = "1048576", .value_name = "BYTES",
     .help = "Bytes of an answer kept for a slow reader while the app goes on.",
     .bounds = {4096, kGibi}, .uwsgi = false},
    {.name = "http-header-timeout", .type = duration, .group = Group::http,
     .field = &Options::http_header_timeout, .default_text = "30s", .value_name = "TIME",
     .help = "Time for a whole request head, from its first byte.", .bounds = {10, kDay},
     .aliases = "http-headers-timeout"},
    {.name = "http-body-timeout", .type = duration, .group = Group::http,
     .field = &Options::http_body_timeout, .default_text = "60s", .value_name = "TIME",
     .help = "Longest silence of a client inside a request body.", .bounds = {10, kDay},
     .uwsgi = false},
    {.name = "http-keepalive", .type = duration, .group = Group::http,
     .field = Custom{apply_keepalive, show_keepalive}, .default_text = "75s",
     .value_name = "TIME",
     .help = "How long an idle connection is kept. 0 or off: not at all; the name alone, 1 or on: "
             "the default (one second is 1s).",
     .bounds = {0, kDay}, .flags = kOptionalValue, .bare = "on"},
    {.name = "http-send-timeout", .type = duration, .group = Group::http,
     .field = &Options::http_send_timeout, .default_text = "60s", .value_name = "TIME",
     .help = "Longest time that a client may take no byte of an answer.", .bounds = {10, kDay},
     .uwsgi = false},
    {.name = "http-timeout", .type = duration, .group = Group::http,
     .field = Custom{apply_timeout, nullptr}, .value_name = "TIME",
     .help = "Sets http-body-timeout and http-send-timeout at once.", .bounds = {10, kDay},
     .flags = kDerived},
    {.name = "socket-timeout", .short_form = 'z', .type = duration, .group = Group::http,
     .field = Custom{apply_timeout, nullptr}, .value_name = "TIME",
     .help = "Sets http-body-timeout and http-send-timeout at once.", .bounds = {10, kDay},
     .flags = kDerived},
    {.name = "http-chunked-input", .type = boolean, .group = Group::http,
     .help = "Take chunked request bodies.", .status = no_effect,
     .reason = "chunked request bodies are always read and decoded"},
    {.name = "http-auto-chunked", .type = boolean, .group = Group::http,
     .help = "Send answers without a length in chunks.", .status = no_effect,
     .reason = "answers without a length are always sent in chunks"},

    // ---- stopping
    {.name = "stop-mercy", .type = duration, .group = Group::stopping,
     .field = &Options::stop_mercy, .default_text = "8s", .value_name = "TIME",
     .help = "Time for running requests when the server stops; then they are cut.",
     .bounds = {0, kDay}, .change = live, .uwsgi = false},
    {.name = "worker-reload-mercy", .type = duration, .group = Group::stopping,
     .field = &Options::worker_reload_mercy, .default_text = "60s", .value_name = "TIME",
     .help = "Time for the last requests of old workers at a reload; then they are cut.",
     .bounds = {0, kDay}, .change = live},

    // ---- log
    {.name = "logto", .type = path, .group = Group::log, .field = &Options::logto,
     .default_text = "standard error", .value_name = "FILE",
     .help = "Append the log and the app's output to a file; SIGUSR2 and reloads open it again.",
     .change = live},
    {.name = "log-json", .type = boolean, .group = Group::log, .field = &Options::log_json,
     .default_text = "false", .help = "Log one JSON object per event.", .uwsgi = false},
    {.name = "log-level", .type = choice, .group = Group::log, .field = &Options::log_level,
     .default_text = "info", .value_name = "LEVEL",
     .help = "The least that is logged: debug, info, warning or error.",
     .choices = "debug info warning error", .uwsgi = false},
    {.name = "disable-logging", .short_form = 'L', .type = boolean, .group = Group::log,
     .field = &Options::disable_logging, .default_text = "false",
     .help = "Log no line per request; the server's own events stay."},
    {.name = "ignore-sigpipe", .type = boolean, .group = Group::log,
     .help = "Do not report clients that left.", .aliases = "ignore-write-errors "
     "disable-write-exception", .status = no_effect,
     .reason = "a client that goes away is neither an error nor an exception"},

    // ---- configuration
    {.name = "ini", .type = action, .group = Group::configuration, .value_name = "FILE[:SECTION]",
     .help = "Read options from an INI file, at this place in the order of options.",
     .flags = kRepeatable, .aliases = "include", .change = restart},
    {.name = "config", .type = action, .group = Group::configuration,
     .value_name = "FILE[:SECTION]", .help = "Read options from a file of any kind we know: .ini.",
     .flags = kRepeatable, .change = restart},
    {.name = "set", .short_form = 'S', .type = action, .group = Group::configuration,
     .value_name = "NAME=VALUE",
     .help = "Set an option or, where no option has that name, a placeholder for %(NAME).",
     .flags = kRepeatable},
    {.name = "set-placeholder", .type = action, .group = Group::configuration,
     .value_name = "NAME=VALUE", .help = "Set a placeholder for %(NAME).", .flags = kRepeatable,
     .aliases = "set-ph"},
    {.name = "strict", .type = action, .group = Group::configuration,
     .help = "Take every unknown name in a [uwsgi] section for a mistake."},
    {.name = "help", .short_form = 'h', .type = action, .group = Group::configuration,
     .value_name = "GROUP|OPTION", .help = "Show this overview, or all about a group or an option.",
     .flags = kOptionalValue | kCommandLine, .aliases = "usage"},
    {.name = "version", .type = action, .group = Group::configuration,
     .help = "Show the version.", .flags = kCommandLine},
};

struct GroupText {
    Group group;
    std::string_view name;
    std::string_view title;
};
constexpr GroupText kGroups[] = {
    {Group::app, "app", "The application"},
    {Group::processes, "process", "Processes"},
    {Group::sockets, "sockets", "Where it listens"},
    {Group::http, "limits", "Limits of HTTP"},
    {Group::stopping, "stopping", "Stopping and reloading"},
    {Group::log, "log", "Log"},
    {Group::configuration, "configuration", "Configuration"},
};

}  // namespace

std::span<const Row> table() { return kTable; }

const Row* find_row(std::string_view name) {
    for (const Row& row : kTable) {
        if (row.name == name) return &row;
        for (const std::string_view alias : words(row.aliases))
            if (alias == name) return &row;
    }
    return nullptr;
}

const Row* find_short(char letter) {
    for (const Row& row : kTable)
        if (row.short_form != '\0' && row.short_form == letter) return &row;
    return nullptr;
}

std::string_view group_title(Group group) {
    for (const GroupText& text : kGroups)
        if (text.group == group) return text.title;
    return {};
}

std::string_view group_name(Group group) {
    for (const GroupText& text : kGroups)
        if (text.group == group) return text.name;
    return {};
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> found;
    while (!text.empty()) {
        const auto blank = text.find(' ');
        if (blank != 0) found.push_back(text.substr(0, blank));
        if (blank == std::string_view::npos) break;
        text.remove_prefix(blank + 1);
    }
    return found;
}

}  // namespace mew::options
