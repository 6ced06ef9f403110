#include "master/launcher.h"

#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>

#include "master/greeting.h"
#include "master/listeners.h"
#include "master/sockets.h"
#include "master/supervisor.h"
#include "net/socket_name.h"
#include "os/process_title.h"

namespace mew::master {
namespace {

// Before the log exists, mistakes go to people.
int refuse(const std::vector<std::string>& mistakes) {
    for (const std::string& mistake : mistakes)
        std::fprintf(stderr, "mewsgi: %s\n", mistake.c_str());
    return kExitError;
}

struct Plan {
    Interpreter interpreter;
    LogTarget::Wish log;
};

// Everything that options name and that may not be there; all mistakes, not the first.
std::vector<std::string> resolve(Holdings& holdings, const options::Options& options, Plan& plan) {
    std::vector<std::string> mistakes;
    InterpreterWish wish;
    wish.interpreter = options.interpreter;
    wish.virtualenv = options.virtualenv;
    wish.chdir = options.chdir;
    wish.package_dir = holdings.program.package_dir;
    wish.environment = holdings.program.environment;
    auto interpreter = choose_interpreter(wish);
    if (!interpreter) mistakes.push_back(interpreter.error().text);

    if (!options.uid.empty() || !options.gid.empty()) {
        auto identity = os::resolve_identity(options.uid, options.gid);
        if (identity) {
            holdings.identity = *identity;
        } else {
            mistakes.push_back(identity.error().text);
        }
    }
    auto level = parse_level(options.log_level);
    if (level) {
        plan.log.level = *level;
    } else {
        mistakes.push_back(level.error().text);
    }
    if (::access((holdings.program.package_dir + "/_zygote.py").c_str(), R_OK) != 0)
        mistakes.push_back("the mewsgi package is not whole: " + holdings.program.package_dir +
                           "/_zygote.py is missing; install it again with pip");
    if (!interpreter) return mistakes;
    auto version =
        probe_version(interpreter->path, holdings.identity ? &*holdings.identity : nullptr);
    if (!version) mistakes.push_back(version.error().text);
    if (version) interpreter->version = holdings.python_version = *version;
    plan.interpreter = std::move(*interpreter);
    return mistakes;
}

// dev serves this machine only. Names and inherited sockets are known by what they came to be.
std::vector<std::string> find_exposed(const options::Options& options,
                                      const std::vector<net::Listener>& listeners) {
    std::vector<std::string> mistakes;
    for (const net::Listener& listener : listeners) {
        if (!options.dev || net::is_local_only(listener.fd.get())) continue;
        mistakes.push_back(listener.info.option + " " + listener.info.address +
                           ": mewsgi dev shows source code to whoever asks, and others can reach "
                           "this address; use 127.0.0.1, or leave dev out");
    }
    return mistakes;
}

// Sockets that were bound before something else failed.
void unbind_all(Holdings& holdings) {
    for (const net::Listener& listener : holdings.listeners) {
        if (!listener.path.empty()) ::unlink(listener.path.c_str());
    }
}

int give_up(Holdings& holdings, const std::vector<std::string>& mistakes) {
    for (const std::string& mistake : mistakes) {
        log::error("start-failed", "{}", mistake);
        holdings.log_target.tell_starter(mistake);
    }
    unbind_all(holdings);
    holdings.fifos.close(true);
    holdings.pidfile.remove();
    return kExitError;
}

base::Result<void> acquire(Holdings& holdings, const options::Options& options) {
    auto handover = control::make_pair();
    if (!handover) return std::move(handover).failure();
    holdings.handover = std::move(*handover);
    auto gate = control::Gate::create();
    if (!gate) return std::move(gate).failure();
    holdings.gate = std::move(*gate);
    if (options.thunder_lock) {
        // The token is free, so the bell has been rung.
        holdings.bell.reset(::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC));
        if (!holdings.bell) return base::fail_errno("cannot make the bell of thunder-lock");
    }
    if (options.pidfile.empty()) return {};
    auto pidfile = Pidfile::claim(options.pidfile, ::getpid());
    if (!pidfile) return std::move(pidfile).failure();
    holdings.pidfile = std::move(*pidfile);
    return {};
}

}  // namespace

int launch(const Program& program, options::Loaded loaded) {
    Sockets sockets(loaded.options, program.inherited);
    if (auto mistakes = sockets.adopt(); !mistakes.empty()) return refuse(mistakes);
    base::SteadyClock clock;
    net::EventLoop loop(clock);
    if (auto opened = loop.open(); !opened) return refuse({opened.error().text});
    Holdings holdings(loop, program);
    holdings.started = clock.now();
    holdings.started_with = loaded;
    const options::Options& options = holdings.started_with.options;

    Plan plan;
    if (auto mistakes = resolve(holdings, options, plan); !mistakes.empty())
        return refuse(mistakes);
    plan.log.path = options.logto;
    plan.log.json = options.log_json;
    plan.log.colour = !options.log_json && options.logto.empty() && ::isatty(2) == 1 &&
                      find_variable(program.environment, "NO_COLOR").empty();
    plan.log.logger = program.logger;
    plan.log.identity = holdings.identity;
    if (auto opened = holdings.log_target.open(std::move(plan.log)); !opened)
        return refuse({opened.error().text});
    if (options.auto_procname) os::set_process_title("mewsgi master");

    log::info("starting", "{}", banner(program.version, ::getpid(), plan.interpreter));
    for (const options::Mistake& warning : loaded.warnings)
        log::warning("option", "{}: {}", warning.origin, warning.text);
    if (auto mistakes = sockets.bind(holdings.listeners); !mistakes.empty())
        return give_up(holdings, mistakes);
    if (auto mistakes = find_exposed(options, holdings.listeners); !mistakes.empty())
        return give_up(holdings, mistakes);
    route_listeners(holdings);
    if (auto acquired = acquire(holdings, options); !acquired)
        return give_up(holdings, {acquired.error().text});

    // Workers whose zygote or middle process ended become ours, as do their orphans.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    holdings.watcher.run_as(holdings.identity);
    if (auto read = holdings.certificates.start(options); !read)
        return give_up(holdings, {read.error().text});
    if (auto started = holdings.log_target.start_logger(); !started)
        return give_up(holdings, {started.error().text});
    Supervisor supervisor(holdings);
    if (auto started = supervisor.start(std::move(loaded), std::move(plan.interpreter)); !started)
        return give_up(holdings, {started.error().text});
    holdings.log_target.stop_waiting();
    return supervisor.run();
}

}  // namespace mew::master
