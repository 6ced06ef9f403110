#pragma once
// For the tests of the master: a whole master in a forked process, with fake_python as its
// interpreter and as its program, whose log the test reads line by line, with a deadline.

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "master/command_client.h"
#include "master/launcher.h"
#include "master/test_front.h"
#include "os/fd.h"

namespace mew::master {

class Folder {
public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "mew-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }
    std::string write(const std::string& name, const std::string& content, int mode = 0644) const {
        const std::string whole = path_ + "/" + name;
        std::filesystem::create_directories(std::filesystem::path(whole).parent_path());
        std::ofstream(whole) << content;
        ::chmod(whole.c_str(), static_cast<mode_t>(mode));
        return whole;
    }

private:
    std::string path_;
};

class TestServer {
public:
    static constexpr int kDeadline = 20000;  // ms; generous, since sanitizers are slow

    explicit TestServer(const std::string& module, int processes = 1) {
        loaded.options.module = module;
        loaded.options.processes = processes;
        loaded.options.interpreter = FAKE_PYTHON;
        loaded.options.log_level = "debug";
        loaded.options.stop_mercy = std::chrono::milliseconds(5000);
        set_module(module);
        answer_adopt_check("yes");
        folder.write("_zygote.py", "");
    }
    ~TestServer() {
        EXPECT_EQ(seen_.find("refused a step"), std::string::npos) << seen_;
        if (pid_ == 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    // What a reload will find.
    void set_module(const std::string& module) { folder.write("module", module + "\n"); }

    // What the installed program says to an upgrade: "yes", or why it cannot take over.
    void answer_adopt_check(const std::string& text) { folder.write("adopt", text + "\n"); }

    void start() {
        int ends[2];
        ASSERT_EQ(::pipe(ends), 0);
        log_.reset(ends[0]);
        os::Fd far(ends[1]);
        pid_ = ::fork();
        ASSERT_GE(pid_, 0);
        if (pid_ == 0) run_master(far.get());
        pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
    }

    // The first line from here on that holds `text`, and `and_text`; fails the test if none comes.
    std::string expect(const std::string& text, const std::string& and_text = "") {
        for (;;) {
            const std::size_t end = unread_.find('\n');
            if (end != std::string::npos) {
                const std::string line = unread_.substr(0, end);
                unread_.erase(0, end + 1);
                seen_ += line + "\n";
                if (line.find(text) != std::string::npos &&
                    line.find(and_text) != std::string::npos)
                    return line;
                continue;
            }
            if (!read_more()) {
                ADD_FAILURE() << "no line with '" << text << "' in:\n" << seen_ << unread_;
                return "";
            }
        }
    }
    // A line that holds `text`, come or to come: where it is no matter which process is faster.
    void await(const std::string& text) {
        if (seen_.find(text) == std::string::npos) expect(text);
    }
    // The pid that a line tells as "pid: 123" or "pid 123".
    static pid_t pid_in(const std::string& line) {
        const std::size_t at = line.rfind("pid");
        const std::size_t digit = line.find_first_of("0123456789", at);
        return digit == std::string::npos ? 0 : std::atoi(line.c_str() + digit);
    }

    void signal(int number) const { ::kill(pid_, number); }
    pid_t pid() const { return pid_; }
    const std::string& seen() const { return seen_; }
    // Of that process too: true once it is gone.
    static bool is_gone(int pidfd) {
        pollfd wait{pidfd, POLLIN, 0};
        return ::poll(&wait, 1, kDeadline) == 1;
    }
    CommandAnswer ask(Command command) const {
        auto answer = ask_server(pid_, command);
        if (!answer) return {-1, answer.error().text};
        return *answer;
    }
    // The exit status; -1: it did not end in time, or not by itself.
    int wait_for_exit() {
        if (!is_gone(pidfd_.get())) return -1;
        int status = 0;
        ::waitpid(std::exchange(pid_, 0), &status, 0);
        while (read_more()) {
        }
        seen_ += unread_;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    // Fronts (test_front.h) serve an address of its own.
    void add_fronts(int count, std::uint32_t behaviour = 1000) {
        loaded.options.listen_addresses.push_back({net::Protocol::http, "http", "127.0.0.1:0"});
        loaded.options.http_processes = count;
        loaded.options.http_queue = behaviour;
        add_arguments(
            {"--http-processes", std::to_string(count), "--http-queue", std::to_string(behaviour)});
        fronts_ = true;
    }

    // What a reload reads as well, besides the module.
    void add_arguments(const std::vector<std::string>& more) {
        arguments_.insert(arguments_.end(), more.begin(), more.end());
    }

    Folder folder;
    options::Loaded loaded;

private:
    [[noreturn]] void run_master(int log_fd) {
        ::dup2(log_fd, 2);
        ::dup2(log_fd, 1);
        ::setenv("FAKE_MODULE_FILE", (folder / "module").c_str(), 1);
        ::setenv("FAKE_ADOPT_FILE", (folder / "adopt").c_str(), 1);
        Program program;
        program.version = "0.0.1";
        program.path = FAKE_PYTHON;
        program.package_dir = folder.path();
        program.arguments = {"--module",
                             "x",
                             "--interpreter",
                             FAKE_PYTHON,
                             "--processes",
                             std::to_string(loaded.options.processes),
                             "--log-level",
                             "debug",
                             "--worker-start-timeout",
                             std::to_string(loaded.options.worker_start_timeout.count()) + "ms"};
        program.arguments.insert(program.arguments.end(), arguments_.begin(), arguments_.end());
        if (fronts_) {
            program.front = test_front::run;
            ::setenv("FAKE_FRONTS", "1", 1);
        }
        for (char** entry = environ; *entry != nullptr; ++entry)
            program.environment.emplace_back(*entry);
        ::_exit(launch(program, loaded));
    }

    bool read_more() {
        pollfd wait{log_.get(), POLLIN, 0};
        if (::poll(&wait, 1, kDeadline) != 1) return false;
        char buffer[4096];
        const ssize_t n = ::read(log_.get(), buffer, sizeof buffer);
        if (n <= 0) return false;
        unread_.append(buffer, static_cast<std::size_t>(n));
        return true;
    }

    std::vector<std::string> arguments_;
    bool fronts_ = false;
    pid_t pid_ = 0;
    os::Fd pidfd_;
    os::Fd log_;
    std::string unread_;
    std::string seen_;
};

}  // namespace mew::master
