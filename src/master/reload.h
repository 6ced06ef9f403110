#pragma once
// A reload: prepare, commit or roll back. This part keeps the order of events and who waits for
// the outcome; the generations themselves are the supervisor's.
//
//   idle > [waiting (for an older generation to go)] > checking (a child reads the configuration)
//        > preparing (generation g+1) > idle                                  any > closed (stop)
//                                checking > changing (to another build: master/upgrade) > idle
//
// Requests during a reload ask for code that may have changed since it began: all of them become
// one reload that follows it. At most three generations live at a time, so that reloads in quick
// succession beside a long request do not fill the machine.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "master/config_reader.h"
#include "master/holdings.h"
#include "master/rollout.h"
#include "master/state.h"

namespace mew::master {

enum class ReloadPhase : std::uint8_t { idle, waiting, checking, changing, preparing, closed };
std::string_view name_of(ReloadPhase phase);

class Reload {
public:
    // Exit status for the one who asked, and what to print.
    using Answer = std::function<void(int status, const std::string& text)>;
    // A strategy in place of the configured one.
    using Wish = std::optional<Strategy>;
    // Starts generation g+1 from these options.
    using Prepare = std::function<base::Result<void>(options::Loaded loaded, Wish wish)>;
    // Why it cannot begin just now; empty: it can.
    using Obstacle = std::function<std::string()>;

    // Becomes the installed build, after which the master there goes on; calls back if it cannot.
    using Change = std::function<void(std::function<void(const std::string& why)> failed)>;

    Reload(Holdings& holdings, Prepare prepare, Obstacle obstacle, Change change);

    // `upgrade`: to the installed build, even if it is the same. A reload becomes an upgrade where
    // it finds another build installed.
    void request(const std::string& asked_by, Answer answer, Wish wish = std::nullopt,
                 bool upgrade = false);
    // The first thing that a master does which was just upgraded: goes on with what was asked of
    // the one before.
    void take_over(std::vector<Answer> waiting, const state::Whole& from);
    void to_state(state::Whole& into) const;
    // What became of the prepared generation.
    void on_committed(const std::string& text);
    // `told`: what stays, as a sentence's start.
    void on_failed(const std::string& told, const std::string& why);
    void on_rolled_back(const std::string& why);
    // What it waited for may be gone.
    void go_on();
    // The master stops: nobody waits any longer, nothing follows.
    void abandon();

    ReloadPhase phase() const { return phase_; }

private:
    bool step(ReloadPhase next);
    void begin();
    void on_checked(base::Result<Checked> checked);
    void change_over();
    void finish(int status, const std::string& text);

    Holdings& holdings_;
    Prepare prepare_;
    Obstacle obstacle_;
    Change change_;
    ConfigReader reader_;
    ReloadPhase phase_ = ReloadPhase::idle;
    std::vector<Answer> waiting_;
    std::vector<Answer> waiting_for_next_;
    bool again_ = false;
    Wish wish_;
    Wish next_wish_;
    bool upgrade_ = false;
    bool next_upgrade_ = false;
};

}  // namespace mew::master
