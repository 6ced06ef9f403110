#pragma once
// An upgrade: this process becomes the program that is installed now, without closing anything. The
// new program proves first, as an errand, that it reads our state and shares our layouts
// (`mewsgi --adopt-check`); then this process executes it, with the state in sealed memory and
// every descriptor under its number. Pid, children, blocked and pending signals stay by themselves;
// what the new program does then is in master/adopt.
//
//   start > (errand) > exec, from which nothing returns     > failed: nothing has changed
//
// Started by a reload (master/reload), so that at no moment both are under way.

#include <functional>
#include <string>

#include "master/errand.h"
#include "master/holdings.h"
#include "master/state.h"

namespace mew::master {

inline constexpr const char* kAdopt = "--adopt=";  // descriptor of the state
inline constexpr const char* kAdoptCheck = "--adopt-check=";

class Upgrade {
public:
    // The state as it is at that moment, or why it cannot be handed on just now.
    using Describe = std::function<base::Result<state::Whole>()>;
    using Failed = std::function<void(const std::string& why)>;

    Upgrade(Holdings& holdings, Describe describe)
        : holdings_(holdings),
          describe_(std::move(describe)),
          errand_(holdings.loop, holdings.children) {}

    // `failed` is called from the loop, once, unless cancelled.
    void start(Failed failed);
    void cancel();

private:
    base::Result<void> ask_the_new_program();
    void become_it();
    base::Result<void> execute();
    void fail_later(std::string why);

    Holdings& holdings_;
    Describe describe_;
    Errand errand_;
    net::TimerId turn_ = 0;
    Failed failed_;
};

}  // namespace mew::master
