#include "master/interpreter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <system_error>

#include "os/process.h"
#include "os/signals.h"

namespace mew::master {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds kProbeDeadline{20};
constexpr int kOldestMinor = 9;

bool is_program(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored) && ::access(path.c_str(), X_OK) == 0;
}

std::string whole_path(const fs::path& path) {
    std::error_code failed;
    fs::path result = fs::absolute(path, failed);
    return (failed ? path : result).lexically_normal().string();
}

std::optional<std::string> python_of(const fs::path& prefix) {
    for (const char* name : {"bin/python3", "bin/python"}) {
        if (is_program(prefix / name)) return whole_path(prefix / name);
    }
    return std::nullopt;
}

std::optional<std::string> on_path(const std::string& name, const std::string& search) {
    std::size_t start = 0;
    while (start <= search.size()) {
        std::size_t end = search.find(':', start);
        if (end == std::string::npos) end = search.size();
        const fs::path folder = search.substr(start, end - start);
        if (!folder.empty() && is_program(folder / name)) return whole_path(folder / name);
        start = end + 1;
    }
    return std::nullopt;
}

// <prefix>/lib/python3.11/site-packages/mewsgi belongs to <prefix>/bin/python3.11.
std::optional<std::string> beside_package(const std::string& package_dir) {
    for (const char* mark : {"/lib/python", "/lib64/python"}) {
        const std::size_t at = package_dir.rfind(mark);
        if (at == std::string::npos) continue;
        const fs::path prefix = package_dir.substr(0, at + (at == 0));
        const std::size_t name = package_dir.find("/python", at) + 1;
        const std::string exact = package_dir.substr(name, package_dir.find('/', name) - name);
        if (exact != "python" && is_program(prefix / "bin" / exact))
            return whole_path(prefix / "bin" / exact);
        if (auto found = python_of(prefix)) return found;
    }
    return std::nullopt;
}

base::Result<Interpreter> from_option(const InterpreterWish& wish) {
    const std::string& given = wish.interpreter;
    if (given.find('/') == std::string::npos) {
        if (auto found = on_path(given, find_variable(wish.environment, "PATH")))
            return Interpreter{*found, "option interpreter, found on PATH", ""};
        return base::fail("interpreter: no program '" + given +
                          "' on PATH; give the full path of a python");
    }
    if (is_program(given)) return Interpreter{whole_path(given), "option interpreter", ""};
    return base::fail("interpreter: " + given + " is not a program; give the path of a python");
}

base::Result<Interpreter> from_virtualenv(const InterpreterWish& wish) {
    std::vector<fs::path> places{wish.virtualenv};
    if (!wish.chdir.empty() && fs::path(wish.virtualenv).is_relative())
        places.push_back(fs::path(wish.chdir) / wish.virtualenv);
    for (const fs::path& place : places) {
        if (auto found = python_of(place)) return Interpreter{*found, "option virtualenv", ""};
    }
    const std::string shown = whole_path(wish.virtualenv);
    return base::fail("virtualenv: there is no bin/python3 in " + shown +
                      "; make one with `python3 -m venv " + shown + "` or correct the path");
}

// Reads what the child prints until it closes its end; false: out of time.
bool read_until_end(int fd, std::string& output) {
    const auto end = std::chrono::steady_clock::now() + kProbeDeadline;
    char buffer[4096];
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd wait{fd, POLLIN, 0};
        if (::poll(&wait, 1, static_cast<int>(left.count())) <= 0) continue;
        const ssize_t n = ::read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        if (output.size() < sizeof buffer) output.append(buffer, static_cast<std::size_t>(n));
    }
}

base::Result<std::string> judge_version(const std::string& path, const std::string& text) {
    const std::size_t end = text.find('\n');
    const std::string version = text.substr(0, end);
    const std::size_t dot = version.find('.');
    if (end == std::string::npos || dot == std::string::npos ||
        !std::isdigit(static_cast<unsigned char>(version[0])))
        return base::fail(path + " does not behave like a Python; it printed '" +
                          text.substr(0, 200) + "'");
    const int major = std::atoi(version.c_str());
    const int minor = std::atoi(version.c_str() + dot + 1);
    if (major < 3 || (major == 3 && minor < kOldestMinor))
        return base::fail(path + " is Python " + version + "; mewsgi needs CPython 3.9 or newer");
    return version;
}

}  // namespace

std::string find_variable(const std::vector<std::string>& environment, const std::string& name) {
    for (const std::string& entry : environment) {
        if (entry.size() > name.size() && entry[name.size()] == '=' &&
            entry.compare(0, name.size(), name) == 0)
            return entry.substr(name.size() + 1);
    }
    return "";
}

base::Result<Interpreter> choose_interpreter(const InterpreterWish& wish) {
    if (!wish.interpreter.empty()) return from_option(wish);
    if (!wish.virtualenv.empty()) return from_virtualenv(wish);
    const std::string active = find_variable(wish.environment, "VIRTUAL_ENV");
    if (!active.empty()) {
        if (auto found = python_of(active))
            return Interpreter{*found, "the active VIRTUAL_ENV", ""};
    }
    const std::string launcher = find_variable(wish.environment, "MEWSGI_LAUNCHER_PYTHON");
    if (!launcher.empty() && is_program(launcher))
        return Interpreter{whole_path(launcher), "the one mewsgi is installed in", ""};
    if (auto found = beside_package(wish.package_dir))
        return Interpreter{*found, "the one mewsgi is installed in", ""};
    if (auto found = on_path("python3", find_variable(wish.environment, "PATH")))
        return Interpreter{*found, "python3 on PATH", ""};
    return base::fail(
        "found no python: no virtualenv is active and PATH has no python3; "
        "give --interpreter /path/to/python3 or --virtualenv /path/to/venv");
}

base::Result<std::string> probe_version(const std::string& path, const os::Identity* identity) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return base::fail_errno("cannot make a pipe");
    os::Fd near(ends[0]);
    os::Fd far(ends[1]);
    os::SpawnPlan plan;
    // -I -S: the answer must not depend on PYTHON* variables or on what site-packages does.
    plan.argv = {path, "-I", "-S", "-c",
                 "import sys; print('.'.join(map(str, sys.version_info[:3])))"};
    plan.descriptors = {{far.get(), 1}};
    if (identity != nullptr) plan.identity = *identity;
    auto child = os::spawn(plan);
    if (!child) return base::fail("cannot run " + path + ": " + child.error().text);
    far.reset();
    std::string output;
    const bool ended = read_until_end(near.get(), output);
    if (!ended) ::kill(*child, SIGKILL);
    int status = 0;
    while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!ended) return base::fail(path + " did not tell its version within 20 s");
    if (status != 0) return base::fail(path + " does not start: it " + os::describe_end(status));
    return judge_version(path, output);
}

}  // namespace mew::master
