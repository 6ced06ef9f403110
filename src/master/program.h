#pragma once
// What the program itself brings to the master: app/main.cc fills it once, before anything runs.
// Logger, watcher and front are other roles, which the master may start but not include: hence
// functions.

#include <functional>
#include <string>
#include <vector>

#include "net/inherited.h"

namespace mew::master {

// Exit statuses of every mewsgi command.
inline constexpr int kExitDone = 0;
inline constexpr int kExitError = 1;       // configuration or start
inline constexpr int kExitNotRunning = 3;  // reload, stop, status: no such master
inline constexpr int kExitAppFailed = 22;  // the app did not load

struct Program {
    std::string version;
    std::string path;                       // of this executable, as it was at the start
    std::string package_dir;                // folder of the Python package
    std::vector<std::string> arguments;     // serve options, without the program's name
    std::vector<std::string> environment;   // NAME=VALUE
    std::vector<net::Inherited> inherited;  // sockets that this process was started with
    // Body of the logger process: reads raw lines from `input`, writes events to `output`.
    std::function<int(int input, int output)> logger;
    // Body of the watcher process: takes lists of files, tells which one changed.
    std::function<int(int control)> watcher;
    // Body of a front process: owns clients' connections, hands requests to workers. Empty: this
    // build has none, and workers listen on all sockets.
    std::function<int(int control)> front;
};

}  // namespace mew::master
