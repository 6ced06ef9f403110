#include "master/supervisor.h"

#include <unistd.h>

#include <csignal>

#include "base/format.h"
#include "master/gather.h"
#include "master/greeting.h"
#include "master/order_table.h"
#include "options/parse_value.h"
#include "os/signals.h"

namespace mew::master {
namespace {

struct SignalRow {
    int number;
    void (Supervisor::*action)(const std::string& why);
};
constexpr SignalRow kSignals[] = {
    {SIGHUP, &Supervisor::on_hangup},   {SIGTERM, &Supervisor::ask_stop},
    {SIGINT, &Supervisor::ask_stop},    {SIGQUIT, &Supervisor::ask_stop_at_once},
    {SIGUSR1, &Supervisor::log_status}, {SIGUSR2, &Supervisor::reopen_logs},
};

std::string asker(const os::SignalEvent& event) {
    std::string text = os::signal_name(event.number);
    if (event.sender != 0) text += " from pid " + std::to_string(event.sender);
    return text;
}

std::vector<net::ListenerInfo> infos(const Holdings& holdings) {
    std::vector<net::ListenerInfo> list;
    list.reserve(holdings.listeners.size());
    for (const net::Listener& listener : holdings.listeners) list.push_back(listener.info);
    return list;
}

base::Result<Interpreter> choose_for(const Holdings& holdings, const options::Options& options) {
    InterpreterWish wish;
    wish.interpreter = options.interpreter;
    wish.virtualenv = options.virtualenv;
    wish.chdir = options.chdir;
    wish.package_dir = holdings.program.package_dir;
    wish.environment = holdings.program.environment;
    return choose_interpreter(wish);
}

}  // namespace

Supervisor::Supervisor(Holdings& holdings)
    : holdings_(holdings),
      commands_(holdings.loop, [this](Command command, pid_t asked_by,
                                      ClientId client) { on_command(command, asked_by, client); }),
      succession_(holdings, *this),
      upgrade_(holdings, [this] { return describe_for_upgrade(); }),
      reload_(
          holdings,
          [this](options::Loaded loaded, Reload::Wish wish) {
              return prepare(std::move(loaded), wish);
          },
          [this] { return succession_.obstacle(); },
          [this](Upgrade::Failed failed) { upgrade_.start(std::move(failed)); }),
      shutdown_(holdings, succession_.generations(), succession_.singletons()) {}

Supervisor::~Supervisor() {
    if (signals_) holdings_.loop.remove(signals_.get(), *this);
}

base::Result<void> Supervisor::open_signals() {
    auto signals = os::open_signals({SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD});
    if (!signals) return std::move(signals).failure();
    signals_ = std::move(*signals);
    os::ignore_signals({SIGPIPE, SIGWINCH, SIGTTOU});
    return holdings_.loop.add(signals_.get(), EPOLLIN, *this);
}

base::Result<void> Supervisor::start(options::Loaded loaded, Interpreter interpreter) {
    if (auto opened = open_signals(); !opened) return opened;
    auto name = command_socket_name(::getpid());
    base::Result<void> opened =
        name ? commands_.open(*name) : base::Result<void>(std::move(name).failure());
    // The server is as good without it; signals do the same.
    if (!opened)
        log::warning("no-commands",
                     "`mewsgi reload|upgrade|stop|status` will not reach this server: {}",
                     opened.error().text);
    if (auto opened_triggers = open_triggers(); !opened_triggers) return opened_triggers;
    holdings_.fronts.on_gone([this] { shutdown_.check(); });
    if (auto begun = holdings_.fronts.start(loaded.options); !begun) return begun;
    return succession_.prepare(std::move(loaded), std::move(interpreter), std::nullopt);
}

void Supervisor::watch_triggers() {
    holdings_.watcher.on_change([this](control::Trigger trigger, const std::string& what) {
        (this->*order_of(trigger))(what);
    });
    holdings_.watcher.hold(true);
    holdings_.watcher.apply(holdings_.started_with.options, 0, 0);
}

base::Result<void> Supervisor::open_triggers() {
    watch_triggers();
    const options::Options& options = holdings_.started_with.options;
    return holdings_.fifos.open(
        options.master_fifo, options.chdir,
        [this](char letter, const std::string& path) { on_letter(letter, path); });
}

int Supervisor::run() {
    holdings_.loop.run();
    return shutdown_.exit_status();
}

void Supervisor::on_event(std::uint32_t) {
    os::SignalEvent event;
    while (os::next_signal(signals_.get(), event)) {
        for (const SignalRow& row : kSignals) {
            if (row.number == event.number) (this->*row.action)(asker(event));
        }
    }
    // Signals merge, so one SIGCHLD may stand for many ends: take them all, every time.
    holdings_.children.reap(holdings_.loop.now());
}

void Supervisor::ask_reload(const std::string& why) { reload_.request(why, nullptr); }

// The order to reload; or a dev server's terminal was closed, which ends what runs in it.
void Supervisor::on_hangup(const std::string& why) {
    const bool gone = on_terminal_ && ::isatty(STDIN_FILENO) == 0;
    if (gone && holdings_.started_with.options.dev) return ask_stop(why + ", the terminal is gone");
    ask_reload(why);
}

void Supervisor::ask_chain_reload(const std::string& why) {
    reload_.request(why, nullptr, Strategy::chain);
}

void Supervisor::ask_upgrade(const std::string& why) {
    reload_.request(why, nullptr, std::nullopt, true);
}

void Supervisor::on_letter(char letter, const std::string& path) {
    const std::string fifo = "master-fifo " + path;
    if (const Letter* known = find_letter(letter)) return (this->*known->order)(fifo);
    const bool asks = letter == 'h' || letter == '?';
    log::info("fifo-letters", "{}: {}there are: {}", fifo,
              asks ? "" : "'" + options::printable(std::string(1, letter)) + "' is no order; ",
              letters_text());
}

void Supervisor::ask_stop(const std::string& why) {
    upgrade_.cancel();
    reload_.abandon();
    succession_.stop();
    shutdown_.stop(why, options_now().drain_delay, options_now().stop_mercy);
}

void Supervisor::ask_stop_at_once(const std::string& why) {
    upgrade_.cancel();
    reload_.abandon();
    succession_.stop();
    shutdown_.stop_at_once(why);
}

void Supervisor::reopen_logs(const std::string& why) {
    const std::string& path = holdings_.started_with.options.logto;
    if (path.empty()) return;
    if (auto opened = holdings_.log_target.reopen(path); !opened) {
        log::error("reopen-failed", "{}; the old log stays", opened.error().text);
        return;
    }
    succession_.generations().reopen_log(holdings_.log_target.event_fd());
    holdings_.watcher.reopen_log(holdings_.log_target.event_fd());
    holdings_.fronts.reopen_log(holdings_.log_target.event_fd());
    holdings_.certificates.reopen_log(holdings_.log_target.event_fd());
    succession_.singletons().reopen_log(holdings_.log_target.event_fd());
    log::info("log-reopened", "log opened again ({})", why);
}

void Supervisor::read_certificates(const std::string& why) { holdings_.certificates.refresh(why); }

void Supervisor::log_status(const std::string&) {
    log::info("status", "{}", status_lines(gather()));
}

ServerStatus Supervisor::gather() {
    return gather_status(holdings_, succession_.generations(), succession_.singletons(), state());
}

std::string Supervisor::state() const {
    if (shutdown_.draining()) return "draining";
    if (!shutdown_.running()) return "stopping";
    if (succession_.generations().committed() == nullptr)
        return succession_.served() ? "down" : "starting";
    if (succession_.looping()) return "crash looping";
    return reload_.phase() == ReloadPhase::idle ? "serving" : "reloading";
}

const options::Options& Supervisor::options_now() const {
    const Generation* committed = succession_.generations().committed();
    return committed != nullptr ? committed->loaded().options : holdings_.started_with.options;
}

Reload::Answer Supervisor::answer_to(ClientId client) {
    return [this, client](int status, const std::string& text) {
        commands_.answer(client, {status, text});
    };
}

base::Result<state::Whole> Supervisor::describe_for_upgrade() const {
    if (succession_.busy())
        return base::fail("a generation is on its way just now; try again when it serves");
    return to_state();
}

base::Result<void> Supervisor::take_over(const state::Whole& from) {
    if (auto opened = open_signals(); !opened) return opened;
    // Before the workers, who have channels to them.
    holdings_.fronts.on_gone([this] { shutdown_.check(); });
    holdings_.certificates.take_over(from.certificates, holdings_.started_with.options);
    if (auto taken = holdings_.fronts.take_over(from.fronts); !taken) return taken;
    if (auto taken = succession_.take_over(from); !taken) return taken;
    holdings_.fronts.renew(options_now());
    auto waiting = commands_.take_over(os::Fd(from.commands.fd), from.clients);
    if (!waiting) return std::move(waiting).failure();
    holdings_.watcher.take_over(from.watcher);
    watch_triggers();
    if (const Generation* committed = succession_.generations().committed()) watch_for(*committed);
    auto fifos = holdings_.fifos.take_over(
        from.fifos, [this](char letter, const std::string& path) { on_letter(letter, path); });
    if (!fifos) return fifos;
    holdings_.upgraded_from =
        base::format("{} (build {:016x})", from.program.version, from.program.build_id);
    log::info("upgraded", "mewsgi {} (build {:016x}) goes on as the master that was {}",
              holdings_.program.version, control::build_id(), holdings_.upgraded_from);
    std::vector<Reload::Answer> answers;
    for (const ClientId client : *waiting) answers.push_back(answer_to(client));
    reload_.take_over(std::move(answers), from);
    return {};
}

void Supervisor::on_command(Command command, pid_t asked_by, ClientId client) {
    const std::string who = "pid " + std::to_string(asked_by);
    switch (command) {
        case Command::reload:
        case Command::upgrade:
            return reload_.request(who, answer_to(client), std::nullopt,
                                   command == Command::upgrade);
        case Command::stop:
            // The answer goes first: the client then waits for the end of this process.
            commands_.answer(client, {kExitDone, ""});
            if (shutdown_.running()) ask_stop(who);
            return;
        case Command::status:
            return commands_.answer(client, {kExitDone, status_table(gather())});
        case Command::status_json:
            return commands_.answer(client, {kExitDone, status_json(gather())});
    }
}

base::Result<void> Supervisor::prepare(options::Loaded loaded, Reload::Wish wish) {
    auto interpreter = choose_for(holdings_, loaded.options);
    if (!interpreter) return std::move(interpreter).failure();
    reopen_logs("reload");
    holdings_.watcher.hold(true);
    auto prepared = succession_.prepare(std::move(loaded), std::move(*interpreter), wish);
    if (!prepared) holdings_.watcher.hold(false);
    return prepared;
}

void Supervisor::watch_for(const Generation& committed) {
    const Generation* const standby = succession_.generations().standby();
    holdings_.watcher.apply(committed.loaded().options, committed.number(),
                            standby != nullptr ? standby->number() : committed.number());
    holdings_.watcher.hold(false);
}

void Supervisor::on_first_serves(Generation& generation) {
    take_log_options(generation.loaded().options);
    watch_for(generation);
    holdings_.log_target.forget_starter();
    log::info("serving", "{}",
              serving_line(infos(holdings_), ::getpid(), ::isatty(log::settings().fd) == 1,
                           holdings_.started_with.options.dev));
    // After a start that failed and waited, it was a reload that brought us here.
    reload_.on_committed("started\n");
    reload_.go_on();
}

void Supervisor::on_start_failed(const Generation& generation, const Failure& failure) {
    holdings_.watcher.hold(false);
    if (wait_for_change(generation, failure)) return;
    log::error("start-failed", "{}", failure.text);
    holdings_.log_target.tell_starter("did not start; " + holdings_.started_with.options.logto +
                                      " says why");
    shutdown_.give_up(failure.status);
}

// py-autoreload: a first start whose app does not load goes on once its files change; for that the
// attempt must have told which they are.
bool Supervisor::wait_for_change(const Generation& generation, const Failure& failure) {
    if (generation.loaded().options.py_autoreload.count() == 0 ||
        !holdings_.watcher.knows_files_of(generation.number()))
        return false;
    if (reload_.phase() == ReloadPhase::idle) log::error("start-failed", "{}", failure.text);
    reload_.on_failed("nothing serves yet", failure.text);
    log::info("waiting-for-change", "the app did not load: waiting for a change of its files");
    holdings_.log_target.tell_starter("waiting for a change of the app's files; " +
                                      holdings_.started_with.options.logto + " says why");
    return true;
}

void Supervisor::on_committed(Generation& generation, const std::string& text) {
    holdings_.certificates.apply(generation.loaded().options, "reload");
    take_log_options(generation.loaded().options);
    watch_for(generation);
    reload_.on_committed(text + "\n");
    reload_.go_on();
}

void Supervisor::take_log_options(const options::Options& fresh) {
    options::Options& held = holdings_.started_with.options;
    if (auto level = parse_level(fresh.log_level)) {
        log::Settings settings = log::settings();
        settings.level = *level;
        log::configure(settings);
    }
    held.vacuum = fresh.vacuum;
    if (fresh.logto == held.logto) return;
    held.logto = fresh.logto;
    reopen_logs("logto changed");
}

void Supervisor::on_reload_failed(const std::string& told, const std::string& why) {
    holdings_.watcher.hold(false);
    reload_.on_failed(told, why);
}

void Supervisor::on_reload_wanted(const std::string& why) { ask_reload(why); }

void Supervisor::on_generation_left() {
    shutdown_.check();
    reload_.go_on();
}

void Supervisor::on_app_asks(control::Kind request) {
    if (request == control::Kind::reload) return ask_reload("the app");
    if (shutdown_.running()) ask_stop("the app");
}

}  // namespace mew::master
