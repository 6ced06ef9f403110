#pragma once
// The lines with which the master speaks to people at the start.

#include <string>
#include <vector>

#include "master/interpreter.h"
#include "net/listener.h"

namespace mew::master {

// "mewsgi 0.1.0 (pid 1221), Python 3.11.7 at /x/bin/python3 (the active VIRTUAL_ENV)"
std::string banner(const std::string& version, int pid, const Interpreter& interpreter);
// "http bound on :8000 fd 4"; for port 0, the one that the kernel chose.
std::string bound_line(const net::ListenerInfo& listener);
// What one can open in a browser here, "http://localhost:8000"; or name in a web server's
// configuration, "unix:/run/app.sock", "uwsgi unix:/run/app.sock", "fastcgi localhost:9000".
std::string reachable_url(const net::ListenerInfo& listener);
// The footer only for people: `on_terminal`.
std::string serving_line(const std::vector<net::ListenerInfo>& listeners, int pid, bool on_terminal,
                         bool dev = false);

}  // namespace mew::master
