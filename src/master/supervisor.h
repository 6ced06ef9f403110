#pragma once
// The master at work: one event loop over signals, control sockets, the command socket and timers.
// Takes what people ask for to the parts, and tells them what became of it: reload (who asked, in
// which order), succession (which generation serves), shutdown.

#include <unistd.h>

#include "master/command_socket.h"
#include "master/holdings.h"
#include "master/reload.h"
#include "master/shutdown.h"
#include "master/state.h"
#include "master/status.h"
#include "master/succession.h"
#include "master/upgrade.h"

namespace mew::master {

class Supervisor final : public net::EventHandler, public SuccessionOwner {
public:
    explicit Supervisor(Holdings& holdings);
    ~Supervisor() override;

    // Signals, command socket, first generation.
    base::Result<void> start(options::Loaded loaded, Interpreter interpreter);
    // Instead of `start`: goes on as the master before the upgrade, and reloads.
    base::Result<void> take_over(const state::Whole& from);
    // Until the end; the exit status of the program.
    int run();

    void on_event(std::uint32_t events) override;
    void on_first_serves(Generation& generation) override;
    void on_start_failed(const Generation& generation, const Failure& failure) override;
    void on_committed(Generation& generation, const std::string& text) override;
    void on_reload_failed(const std::string& told, const std::string& why) override;
    void on_reload_wanted(const std::string& why) override;
    void on_generation_left() override;
    void on_app_asks(control::Kind request) override;

    // What signals ask for (the table in supervisor.cc), letters and touched files (order_table).
    void ask_reload(const std::string& why);
    void on_hangup(const std::string& why);
    void ask_chain_reload(const std::string& why);
    // Becomes the mewsgi that is installed now, then reloads.
    void ask_upgrade(const std::string& why);
    void ask_stop(const std::string& why);
    void ask_stop_at_once(const std::string& why);
    void reopen_logs(const std::string& why);
    void read_certificates(const std::string& why);
    void log_status(const std::string& why);

private:
    base::Result<void> open_signals();
    void watch_triggers();
    base::Result<void> open_triggers();
    Reload::Answer answer_to(ClientId client);
    base::Result<state::Whole> describe_for_upgrade() const;
    state::Whole to_state() const;
    void on_letter(char letter, const std::string& path);
    void on_command(Command command, pid_t asked_by, ClientId client);
    base::Result<void> prepare(options::Loaded loaded, Reload::Wish wish);
    bool wait_for_change(const Generation& generation, const Failure& failure);
    void watch_for(const Generation& committed);
    void take_log_options(const options::Options& fresh);
    ServerStatus gather();
    std::string state() const;
    const options::Options& options_now() const;

    Holdings& holdings_;
    const bool on_terminal_ = ::isatty(STDIN_FILENO) == 1;  // at the start
    os::Fd signals_;
    CommandSocket commands_;
    Succession succession_;
    Upgrade upgrade_;
    Reload reload_;
    Shutdown shutdown_;
};

}  // namespace mew::master
