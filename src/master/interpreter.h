#pragma once
// Which python runs the app, and why that one. Nothing embeds libpython: an interpreter is a path.
// Order: `interpreter`; `virtualenv`; an active VIRTUAL_ENV; the one beside the program; PATH.
// Run by the master before it binds anything, and again at each reload (a few access(2) calls).

#include <string>
#include <vector>

#include "base/result.h"
#include "os/users.h"

namespace mew::master {

struct InterpreterWish {
    std::string interpreter;  // option; a path or a name on PATH
    std::string virtualenv;   // option
    std::string chdir;        // option: relative virtualenvs are also looked for below it
    std::string package_dir;
    std::vector<std::string> environment;  // NAME=VALUE
};

struct Interpreter {
    std::string path;     // never resolved: a venv is recognised by the link's own place
    std::string reason;   // "the active VIRTUAL_ENV"
    std::string version;  // "3.11.7"; empty until probed
};

base::Result<Interpreter> choose_interpreter(const InterpreterWish& wish);

// Runs it once, with a deadline, as the user it will run as: proves that it starts and is a Python
// that we support. Blocks, so only before the loop runs.
base::Result<std::string> probe_version(const std::string& path, const os::Identity* identity);

// The value of NAME in a NAME=VALUE list; empty if it is not there.
std::string find_variable(const std::vector<std::string>& environment, const std::string& name);

}  // namespace mew::master
