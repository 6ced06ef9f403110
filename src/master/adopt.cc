#include "master/adopt.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "log/log.h"
#include "master/listeners.h"
#include "master/state.h"
#include "master/supervisor.h"
#include "os/process.h"
#include "os/process_title.h"

namespace mew::master {
namespace {

int refuse(const std::string& why) {
    std::fprintf(stderr, "mewsgi: %s\n", why.c_str());
    return kExitError;
}

base::Result<int> parse_number(const std::string& text) {
    int fd = -1;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, fd);
    if (error != std::errc() || rest != end || fd < 3)
        return base::fail("--adopt is for a master that is upgraded; use `mewsgi upgrade`");
    return fd;
}

// Each there and each named once: else two owners would close one descriptor.
base::Result<void> check_descriptors(const state::Whole& whole) {
    std::vector<int> fds = state::descriptors_of(whole);
    std::sort(fds.begin(), fds.end());
    for (std::size_t i = 0; i < fds.size(); ++i) {
        const std::string name = "descriptor " + std::to_string(fds[i]) + " of the state";
        if (fds[i] <= 2 || (i > 0 && fds[i] == fds[i - 1]))
            return base::fail(name + " is named twice, or is not one of the server's");
        if (::fcntl(fds[i], F_GETFD) < 0) return base::fail_errno(name + " is not there");
    }
    for (const state::Listener& listener : whole.listeners) {
        struct stat about {};
        if (::fstat(listener.fd.fd, &about) != 0 || !S_ISSOCK(about.st_mode))
            return base::fail("what the state names as " + listener.option + " " +
                              listener.address + " is no socket");
    }
    return {};
}

base::Result<void> check_memory(const state::Whole& whole) {
    if (auto gate = control::Gate::attach(whole.gate.fd); !gate) return std::move(gate).failure();
    for (const state::Generation& generation : whole.generations) {
        auto board = stats::Board::attach(generation.board.fd);
        if (!board) return std::move(board).failure();
    }
    for (const state::FrontSet& set : whole.fronts.sets) {
        auto board = stats::FrontBoard::attach(set.board.fd);
        if (!board) return std::move(board).failure();
    }
    return {};
}

base::Result<state::Whole> read_checked(int fd, pid_t master) {
    auto whole = state::read(fd);
    if (!whole) return whole;
    if (whole->master_pid != master)
        return base::fail("this is the state of another server; use `mewsgi upgrade`");
    if (auto checked = check_descriptors(*whole); !checked) return std::move(checked).failure();
    if (auto checked = check_memory(*whole); !checked) return std::move(checked).failure();
    const std::string zygote = whole->program.package_dir + "/_zygote.py";
    if (::access(zygote.c_str(), R_OK) != 0)
        return base::fail("the mewsgi package is not whole: " + zygote +
                          " is missing; install it again with pip");
    return whole;
}

Program program_of(const Program& own, const state::Program& from) {
    Program program = own;
    program.path = from.path;
    program.package_dir = from.package_dir;
    program.arguments = from.arguments;
    program.environment = from.environment;
    for (const state::Passed& one : from.inherited)
        program.inherited.push_back({one.fd, one.giver});
    return program;
}

net::Listener listener_of(const state::Listener& from) {
    net::Listener to;
    to.fd.reset(from.fd.fd);
    for (const state::Descriptor& one : from.more_fds) to.more_fds.emplace_back(one.fd);
    to.backlog = from.backlog;
    to.info = {from.fd.fd,       from.protocol,    from.option,      from.address,
               from.unix_socket, from.server_name, from.server_port, from.slot_fds};
    to.path = from.path;
    to.inherited = from.inherited;
    to.giver = from.giver;
    return to;
}

base::Result<void> take_holdings(Holdings& holdings, const state::Whole& from) {
    holdings.started = from.started;
    holdings.started_with = from.started_with;
    holdings.python_version = from.python_version;
    holdings.identity = from.identity;
    for (const state::Listener& one : from.listeners)
        holdings.listeners.push_back(listener_of(one));
    route_listeners(holdings);
    const os::Fd gate_fd(from.gate.fd);
    auto gate = control::Gate::attach(gate_fd.get());
    if (!gate) return std::move(gate).failure();
    holdings.gate = std::move(*gate);
    holdings.bell.reset(from.bell.fd);
    holdings.handover.near.reset(from.handover_near.fd);
    holdings.handover.far.reset(from.handover_far.fd);
    holdings.pidfile = Pidfile::take_over(from.pidfile_path, os::Fd(from.pidfile.fd));
    for (const state::Stranger& one : from.strangers)
        holdings.children.remember({one.pid, one.wait_status, one.peak_kib, one.when});
    holdings.deaths.take_over(from.deaths);
    holdings.watcher.run_as(holdings.identity);
    LogTarget::Wish wish;
    wish.path = from.log.path;
    wish.json = from.log.json;
    wish.colour = from.log.colour;
    wish.level = static_cast<log::Level>(from.log.level);
    wish.logger = holdings.program.logger;
    wish.identity = holdings.identity;
    return holdings.log_target.take_over(std::move(wish), from.log);
}

// The sentence goes where the server's log went, if that is known by then.
int give_up(const base::Error& error) {
    log::error("upgrade-failed", "cannot go on as the server that was upgraded: {}", error.text);
    return kExitError;
}

}  // namespace

int adopt_check(const std::string& state_fd) {
    auto fd = parse_number(state_fd);
    if (!fd) return refuse(fd.error().text);
    auto whole = read_checked(*fd, ::getppid());
    return whole ? kExitDone : refuse(whole.error().text);
}

int adopt(const Program& own, const std::string& state_fd) {
    auto number = parse_number(state_fd);
    if (!number) return refuse(number.error().text);
    auto whole = read_checked(*number, ::getpid());
    if (!whole) return refuse(whole.error().text);
    ::close(*number);
    for (const int fd : state::descriptors_of(*whole)) {
        if (auto set = os::set_inheritable(fd, false); !set) return give_up(set.error());
    }
    const Program program = program_of(own, whole->program);
    base::SteadyClock clock;
    net::EventLoop loop(clock);
    if (auto opened = loop.open(); !opened) return give_up(opened.error());
    Holdings holdings(loop, program);
    if (auto taken = take_holdings(holdings, *whole); !taken) return give_up(taken.error());
    if (whole->started_with.options.auto_procname) os::set_process_title("mewsgi master");
    Supervisor supervisor(holdings);
    if (auto taken = supervisor.take_over(*whole); !taken) return give_up(taken.error());
    return supervisor.run();
}

}  // namespace mew::master
