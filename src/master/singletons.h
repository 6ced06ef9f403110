#pragma once
// What must run once, across generations: for each singleton one task at most, forked by the
// zygote of the committed generation. Told by the supervisor what is committed, and when to stop.
//
// The invariant: a task is told to serve only while no other task of its singleton lives. A place
// holds one handle, and it is empty only after waitpid(2), or if its task was never told to serve.
// Whoever else must be unique (mules, spoolers, timers, cron, daemons) takes a place here.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "master/respawn.h"
#include "master/singleton.h"
#include "master/state.h"

namespace mew::master {

// What forks tasks: a generation.
class TaskSource {
public:
    virtual ~TaskSource() = default;
    virtual std::uint32_t number() const = 0;
    // Its zygote takes orders. If it does not, Singletons::go_on() is called once it does.
    virtual bool can_fork() const = 0;
    virtual base::Result<void> order_task(const TaskPlace& place, int far_end) = 0;
    // Of its zygote, and so of the task.
    virtual std::uint64_t build() const { return control::build_id(); }
};

class Singletons final : public TaskOwner {
public:
    struct Owner {
        std::function<void(std::uint32_t generation)> on_gone;  // a task of it is
        std::function<void(std::uint32_t generation, control::Kind request)> on_request;
    };
    struct Row {
        std::string name;
        const TaskHandle* task = nullptr;  // null: none lives
        bool waits = false;                // for its delay
        std::uint64_t starts = 0;
        std::uint64_t deaths = 0;  // that nobody asked for
    };

    Singletons(Holdings& holdings, Owner owner) : holdings_(holdings), owner_(std::move(owner)) {}

    // From now on tasks are `source`'s: those of others are told to leave, and as each is gone its
    // successor starts.
    void commit(TaskSource& source, const options::Options& options);
    // As the master before the upgrade had them; `source` is the committed generation, if there is
    // one.
    base::Result<void> take_over(const state::Singletons& from, TaskSource* source);
    state::Singletons to_state() const;
    // It can fork no more.
    void forget(const TaskSource& source);
    // Its zygote takes orders again.
    void go_on(const TaskSource& source);
    void on_task_spawned(const control::Message& message);
    // The committed generation is about to end before there is another.
    void leave();
    void stop(base::Milliseconds mercy);
    void kill_all(const std::string& why);
    void reopen_log(int fd);

    bool empty() const { return tasks().empty(); }
    bool has_tasks_of(std::uint32_t generation) const;
    base::Milliseconds mercy() const { return mercy_; }
    // In the order of their names, those that are wanted or still live.
    std::vector<Row> rows() const;

    void on_task_running(TaskHandle& task) override;
    void on_task_request(TaskHandle& task, control::Kind request) override;
    void on_task_dead(TaskHandle& task, const TaskEnd& end) override;

private:
    struct Place {
        explicit Place(net::EventLoop& loop) : respawn(loop) {}
        std::uint32_t number = 0;  // in the list of `source_`; 0: wanted no more
        std::unique_ptr<TaskHandle> task;
        Respawn respawn;
        std::uint64_t starts = 0;
        std::uint64_t deaths = 0;
    };
    using Places = std::map<std::string, Place>;

    void fill(const std::string& name, Place& place);
    void fill_all();
    void refill(const std::string& name, Place& place, const TaskEnd& end);
    void respawn_later(const std::string& name, Place& place, base::Milliseconds at_least);
    void log_end(const TaskEnd& end) const;
    std::vector<TaskHandle*> tasks() const;

    Holdings& holdings_;
    Owner owner_;
    Places places_;
    TaskSource* source_ = nullptr;
    std::uint64_t last_order_ = 0;
    base::Milliseconds mercy_{0};
    bool stopping_ = false;
};

}  // namespace mew::master
