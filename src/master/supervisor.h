#pragma once
// The master at work: one event loop over signals, control sockets, the command socket and timers.
// Decides when a generation is committed or undone; how is left to the parts.

#include "master/command_socket.h"
#include "master/generations.h"
#include "master/holdings.h"
#include "master/reload.h"
#include "master/shutdown.h"

namespace mew::master {

class Supervisor final : public net::EventHandler, public GenerationOwner {
public:
    explicit Supervisor(Holdings& holdings);
    ~Supervisor() override;

    // Signals, command socket, first generation.
    base::Result<void> start(options::Loaded loaded, Interpreter interpreter);
    // Until the end; the exit status of the program.
    int run();

    void on_event(std::uint32_t events) override;
    void on_generation_ready(Generation& generation) override;
    void on_generation_failed(Generation& generation, const Failure& failure) override;
    void on_generation_gone(Generation& generation) override;
    void on_app_request(Generation& generation, control::Kind request) override;

    // What a signal asks for; the table in supervisor.cc names them.
    void ask_reload(const std::string& why);
    void ask_stop(const std::string& why);
    void ask_stop_at_once(const std::string& why);
    void reopen_logs(const std::string& why);
    void log_status(const std::string& why);

private:
    void on_command(Command command, pid_t asked_by, ClientId client);
    base::Result<void> prepare(options::Loaded loaded);
    void commit_first();
    void commit_reload();
    void take_log_options();
    std::string state() const;
    base::Milliseconds stop_mercy() const;

    Holdings& holdings_;
    os::Fd signals_;
    CommandSocket commands_;
    Generations generations_;
    Reload reload_;
    Shutdown shutdown_;
};

}  // namespace mew::master
