#pragma once
// A reload: prepare, commit or roll back. This part keeps the order of events and who waits for
// the outcome; the generations themselves are the supervisor's.
//
//   idle > checking (a child reads the configuration) > preparing (generation g+1) > idle      any
//   > closed (stop)
//
// Requests during a reload ask for code that may have changed since it began: all of them become
// one reload that follows it.

#include <functional>
#include <string>
#include <vector>

#include "master/config_reader.h"
#include "master/holdings.h"

namespace mew::master {

enum class ReloadPhase : std::uint8_t { idle, checking, preparing, closed };
std::string_view name_of(ReloadPhase phase);

class Reload {
public:
    // Exit status for the one who asked, and what to print.
    using Answer = std::function<void(int status, const std::string& text)>;
    // Starts generation g+1 from these options.
    using Prepare = std::function<base::Result<void>(options::Loaded loaded)>;

    Reload(Holdings& holdings, Prepare prepare);

    void request(const std::string& asked_by, Answer answer);
    // What became of the prepared generation.
    void on_committed(const std::string& text);
    void on_rolled_back(const std::string& why);
    // The master stops: nobody waits any longer, nothing follows.
    void abandon();

    ReloadPhase phase() const { return phase_; }

private:
    bool step(ReloadPhase next);
    void begin();
    void on_checked(base::Result<options::Loaded> loaded);
    void finish(int status, const std::string& text);

    Holdings& holdings_;
    Prepare prepare_;
    ConfigReader reader_;
    ReloadPhase phase_ = ReloadPhase::idle;
    std::vector<Answer> waiting_;
    std::vector<Answer> waiting_for_next_;
    bool again_ = false;
};

}  // namespace mew::master
