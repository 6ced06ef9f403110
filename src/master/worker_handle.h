#pragma once
// The master's view of one worker process, one incarnation of a slot: ordered from the zygote,
// supervised by its own control socket and by waitpid, gone when its process is.
//
//   ordered > starting > ready > serving > retiring > dead        any > dead
//
// Its pid comes from the zygote (`spawned`) or from itself (`hello`), whichever is first.

#include <cstdint>
#include <memory>
#include <string>

#include "master/children.h"
#include "master/deadline.h"
#include "master/holdings.h"
#include "master/life_signs.h"
#include "master/peer.h"
#include "master/state.h"
#include "stats/board.h"

namespace mew::master {

enum class WorkerPhase : std::uint8_t { ordered, starting, ready, serving, retiring, dead };
std::string_view name_of(WorkerPhase phase);

class WorkerHandle;

struct WorkerEnd {
    WorkerPhase phase = WorkerPhase::ordered;  // the last one before death
    bool expected = false;                     // retired, or told by us to die
    bool was_ready = false;
    bool served = false;
    bool from_outside = false;  // a SIGKILL that was not ours
    bool late = false;          // was not ready within worker-start-timeout
    bool cut_off = false;       // served, and the master had to kill it
    int failed_status = 0;      // it said `failed`: that status, and why
    std::string text;           // one sentence
    std::string why;            // traceback, if it sent one
};

class WorkerOwner {
public:
    virtual ~WorkerOwner() = default;
    virtual void on_worker_ready(WorkerHandle& worker) = 0;
    virtual void on_worker_request(WorkerHandle& worker, control::Kind request) = 0;
    virtual void on_worker_dead(WorkerHandle& worker, const WorkerEnd& end) = 0;  // once
};

struct WorkerPlace {
    std::uint32_t slot = 0;
    std::uint32_t generation = 0;
    std::uint64_t incarnation = 0;
    // False: the worker itself imports the app, which takes what it takes.
    bool preloaded = true;
    base::Milliseconds start_limit{60000};  // to its fork, and again from there to ready
    int cores = 1;                          // requests that it runs at once
};

class WorkerHandle final : public PeerOwner, public ChildWatcher, public ChannelTaker {
public:
    WorkerHandle(Holdings& holdings, WorkerOwner& owner, stats::Slot& board, WorkerPlace place);
    // One that the master before the upgrade had; `take_over` is the rest of it.
    WorkerHandle(Holdings& holdings, WorkerOwner& owner, stats::Slot& board, WorkerPlace place,
                 const state::Worker& from);
    base::Result<void> take_over(const state::Worker& from);
    state::Worker to_state() const;
    ~WorkerHandle() override;

    // Takes the near end of its control pair; the far end goes to the zygote with the order, and
    // the worker will be of that zygote's build.
    base::Result<void> expect(os::Fd near, std::uint64_t build = control::build_id());
    // The zygote has forked it.
    void on_spawned(pid_t pid);
    void serve();
    // Answers a request that comes by `connection`, while it is ready and before it serves.
    base::Result<void> check(os::Fd connection);
    // Finish what runs, then leave; killed once `mercy` is over. Idle connections go to the workers
    // of generation `successor`; 0: there is none, they are closed.
    void retire(base::Milliseconds mercy, std::uint32_t successor);
    void reopen_log(int fd);
    void kill(const std::string& why) override;
    base::Result<void> take_channel(const FrontPlace& front, int memory, int end) override;

    WorkerPhase phase() const { return phase_; }
    pid_t pid() const { return pid_; }
    const WorkerPlace& place() const { return place_; }
    base::MonotonicTime started() const { return started_; }
    const StopWatch& stop_watch() const { return stop_watch_; }
    std::string describe() const;

    void on_message(control::Message& message) override;
    void on_peer_closed(const std::string& reason) override;
    void on_child_end(pid_t pid, int wait_status) override;
    void on_child_stopped(pid_t pid, int signal) override;
    void on_child_continued(pid_t pid) override;

private:
    bool step(WorkerPhase next);
    void learn_pid(pid_t pid);
    void tell(control::Kind kind, std::uint32_t generation, std::uint64_t value = 0);
    void limit_start();
    void on_missed(const state::Deadline& missed);
    void on_ready();
    std::string doing() const;
    WorkerId key() const { return {place_.slot, place_.generation, place_.incarnation}; }
    std::string why_not_again(bool oom) const;
    void give_back_token();
    void finish(int wait_status, bool known_status);

    Holdings& holdings_;
    WorkerOwner& owner_;
    stats::Slot& board_;
    WorkerPlace place_;
    WorkerPhase phase_ = WorkerPhase::ordered;
    pid_t pid_ = 0;
    std::unique_ptr<Peer> peer_;
    Deadline deadline_{holdings_.loop,
                       [this](const state::Deadline& missed) { on_missed(missed); }};
    base::MonotonicTime started_;
    std::uint64_t requests_before_;
    std::uint64_t cut_ = 0;  // requests that it left unfinished, as it said
    bool was_ready_ = false;
    bool served_ = false;
    bool late_ = false;
    bool told_to_end_ = false;
    std::string killed_because_;
    std::string doing_when_killed_;
    StopWatch stop_watch_;
    control::Message failure_;  // kind failed, if it came
    bool failed_ = false;
};

}  // namespace mew::master
