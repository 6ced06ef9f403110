#pragma once
// The master's view of one zygote process: started here, imports the app, forks workers on order,
// and ends when told or when its control socket closes. A reserve is one that another zygote
// forked after its import: it never starts a python nor imports.
//
//   starting > importing (hello) > ready > leaving > dead        any > dead

#include <functional>
#include <memory>
#include <string>

#include "control/boot.h"
#include "master/children.h"
#include "master/deadline.h"
#include "master/holdings.h"
#include "master/life_signs.h"
#include "master/peer.h"
#include "master/state.h"

namespace mew::master {

enum class ZygotePhase : std::uint8_t { starting, importing, ready, leaving, dead };
std::string_view name_of(ZygotePhase phase);

// Why a part did not start: the exit status that it stands for and a text for people.
struct Failure {
    int status = kExitError;
    std::string text;
};

class ZygoteHandle;

class ZygoteOwner {
public:
    virtual ~ZygoteOwner() = default;
    virtual void on_zygote_ready(ZygoteHandle& zygote, const std::string& about) = 0;
    virtual void on_worker_spawned(ZygoteHandle& zygote, const control::Message& message) = 0;
    virtual void on_task_spawned(ZygoteHandle& zygote, const control::Message& message) = 0;
    // Called once, whatever the reason; `failure` tells what it was if it died before `ready`.
    virtual void on_zygote_dead(ZygoteHandle& zygote, const Failure& failure) = 0;
};

class ZygoteHandle final : public PeerOwner, public ChildWatcher {
public:
    ZygoteHandle(Holdings& holdings, ZygoteOwner& owner, std::uint32_t generation);
    ~ZygoteHandle() override;

    // `boot` is complete but for the control descriptor.
    base::Result<void> start(control::Boot boot, const std::string& python);
    // A reserve: forked by `zygote`, whose app it has.
    base::Result<void> start_from(ZygoteHandle& zygote);
    // One that the master before the upgrade had.
    base::Result<void> take_over(const state::Zygote& from);
    state::Zygote to_state() const;
    // Its build, and so that of whoever it forks.
    std::uint64_t build() const { return peer_ ? peer_->build() : control::build_id(); }
    // `zygote` has forked it.
    void on_spawned(pid_t pid);
    // The zygote that it was the reserve of is gone.
    void promote() { reserve_ = false; }
    // Names the order that start_from() gave.
    std::uint64_t order() const { return order_; }
    base::Result<void> order_worker(std::uint32_t slot, std::uint64_t incarnation, int far_end);
    // A task for the singleton at place `number` of the list.
    base::Result<void> order_task(std::uint32_t number, const std::string& name,
                                  std::uint64_t order, int far_end);
    void reopen_log(int fd);
    void leave();
    void kill();

    ZygotePhase phase() const { return phase_; }
    pid_t pid() const { return pid_; }
    bool was_ready() const { return was_ready_; }

    void on_message(control::Message& message) override;
    void on_peer_closed(const std::string& reason) override;
    void on_child_end(pid_t pid, int wait_status) override;
    void on_child_stopped(pid_t pid, int signal) override;
    void on_child_continued(pid_t pid) override;

private:
    std::string describe() const;
    bool step(ZygotePhase next);
    base::Result<void> expect(os::Fd near, std::uint64_t build = control::build_id());
    void finish(const std::string& how, bool expected);

    Holdings& holdings_;
    ZygoteOwner& owner_;
    std::uint32_t generation_;
    ZygotePhase phase_ = ZygotePhase::starting;
    pid_t pid_ = 0;
    static inline std::uint64_t last_order = 0;
    std::uint64_t order_ = 0;
    bool reserve_ = false;
    std::unique_ptr<Peer> peer_;
    Deadline deadline_;
    base::MonotonicTime started_;
    bool was_ready_ = false;
    Failure failure_;
    StopWatch stop_watch_;
};

}  // namespace mew::master
