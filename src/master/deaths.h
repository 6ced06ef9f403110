#pragma once
// Why processes of ours ended: the words for the log, and counters for `mewsgi status`. A SIGKILL
// that nobody of us sent may be the OOM killer's; its own counter in our cgroup says so.
//
// Told by the handles of workers, zygotes, tasks and fronts, once each, as they learn of the end.

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "master/state.h"
#include "os/cgroup.h"

namespace mew::master {

class Deaths {
public:
    enum class Role : std::uint8_t { worker, zygote, singleton, front };
    struct End {
        Role role = Role::worker;
        int wait_status = 0;
        bool known_status = true;  // false: it died before anybody told its pid
        bool by_us = false;        // we killed it
        bool expected = false;     // it was told to end; no death unless it had to be killed
    };
    struct Verdict {
        std::string how;  // "was killed by SIGSEGV (core dumped)"
        bool oom = false;
    };

    explicit Deaths(const std::string& root = "") : oom_(root) {}

    Verdict take(const End& end, base::MonotonicTime now);

    // The counters of the master before the upgrade go on.
    void take_over(const state::Deaths& from);
    state::Deaths to_state() const;
    std::uint64_t of(Role role) const { return by_role_[static_cast<std::size_t>(role)]; }
    std::uint64_t oom_kills() const { return oom_kills_; }
    // "SIGSEGV", "status 3", "OOM killer", "killed by the master", "unknown"
    const std::map<std::string, std::uint64_t>& by_cause() const { return by_cause_; }

private:
    bool was_oom(const End& end, base::MonotonicTime now);

    os::OomWatch oom_;
    std::uint64_t unclaimed_ = 0;  // kills that were seen and belong to no death yet
    base::MonotonicTime seen_at_;
    std::uint64_t oom_kills_ = 0;
    std::uint64_t by_role_[4] = {};
    std::map<std::string, std::uint64_t> by_cause_;
};

// ", peak memory 12.3 MiB"; empty where the kernel does not say.
std::string peak_text(std::uint64_t kibibytes);

}  // namespace mew::master
