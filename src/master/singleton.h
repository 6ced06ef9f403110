#pragma once
// The master's view of one task: the process that runs a singleton. Ordered from a zygote, told to
// serve only once its pid is known and watched, gone when waitpid(2) says so.
//
//   ordered > starting (pid known) > running (told to serve) > leaving > dead        any > dead
//
// A process that was never told to serve never calls the function, and ends at the end of its
// socket. So a handle whose pid nobody told may be given up at once: what was forked for it, if
// anything, is no owner. From `serve` on only its reaped end makes room for another.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "master/children.h"
#include "master/deadline.h"
#include "master/holdings.h"
#include "master/life_signs.h"
#include "master/peer.h"
#include "master/state.h"

namespace mew::master {

enum class TaskPhase : std::uint8_t { ordered, starting, running, leaving, dead };
std::string_view name_of(TaskPhase phase);

class TaskHandle;

struct TaskEnd {
    bool expected = false;  // told by us to end
    bool killed = false;    // by us, as it did not
    bool ran = false;       // was told to serve
    bool returned = false;  // the function ended by itself and raised nothing
    base::Milliseconds lived{0};
    std::string text;  // one sentence
    std::string why;   // traceback, if it raised
};

class TaskOwner {
public:
    virtual ~TaskOwner() = default;
    virtual void on_task_running(TaskHandle& task) = 0;
    virtual void on_task_request(TaskHandle& task, control::Kind request) = 0;
    virtual void on_task_dead(TaskHandle& task, const TaskEnd& end) = 0;  // once
};

struct TaskPlace {
    std::string name;              // of its singleton
    std::uint32_t number = 0;      // place in its generation's list, from 1
    std::uint32_t generation = 0;  // whose code it runs
    std::uint64_t order = 0;       // never used twice
};

class TaskHandle final : public PeerOwner, public ChildWatcher {
public:
    TaskHandle(Holdings& holdings, TaskOwner& owner, TaskPlace place);
    ~TaskHandle() override;

    // Takes the near end of its control pair; the far end goes to the zygote with the order.
    base::Result<void> expect(os::Fd near, std::uint64_t build = control::build_id());
    // One that the master before the upgrade had.
    base::Result<void> take_over(const state::Task& from);
    state::Task to_state() const;
    // The zygote has forked it.
    void on_spawned(pid_t pid);
    // End the function; killed once `mercy` is over. Asked again, the earlier end counts.
    void retire(base::Milliseconds mercy);
    void reopen_log(int fd);
    void kill(const std::string& why);

    TaskPhase phase() const { return phase_; }
    pid_t pid() const { return pid_; }
    int control_fd() const { return peer_ ? peer_->fd() : -1; }
    const TaskPlace& place() const { return place_; }
    base::MonotonicTime started() const { return started_; }
    const StopWatch& stop_watch() const { return stop_watch_; }
    std::string describe() const;

    void on_message(control::Message& message) override;
    void on_peer_closed(const std::string& reason) override;
    void on_child_end(pid_t pid, int wait_status) override;
    void on_child_stopped(pid_t pid, int signal) override;
    void on_child_continued(pid_t pid) override;
    bool takes_its_group_along() const override { return true; }

private:
    bool step(TaskPhase next);
    void learn_pid(pid_t pid);
    void on_hello(pid_t pid);
    void start_deadline(base::Milliseconds delay, std::string missed);
    void finish(int wait_status, bool known_status);

    Holdings& holdings_;
    TaskOwner& owner_;
    TaskPlace place_;
    TaskPhase phase_ = TaskPhase::ordered;
    pid_t pid_ = 0;
    std::unique_ptr<Peer> peer_;
    Deadline deadline_;
    base::MonotonicTime started_;
    bool told_to_serve_ = false;
    bool told_to_end_ = false;
    bool returned_ = false;
    std::string how_;  // as the task said it: "returned", "called sys.exit(3)"
    std::string why_;
    std::string killed_because_;
    StopWatch stop_watch_;
};

}  // namespace mew::master
