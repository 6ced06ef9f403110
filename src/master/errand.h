#pragma once
// An errand: a child that does one thing for the master and ends, so that the master itself reads
// no file and waits for nobody. It has a deadline; what it writes is gathered whole, its standard
// output as the outcome, its standard error as the reason of a failure.
// Used by config_reader (`mewsgi check --emit`) and upgrade (`mewsgi --adopt-check`).

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "master/children.h"
#include "net/event_loop.h"
#include "os/fd.h"
#include "os/process.h"

namespace mew::master {

class Errand final : public ChildWatcher {
public:
    using Done = std::function<void(base::Result<std::string> output)>;

    Errand(net::EventLoop& loop, Children& children) : loop_(loop), children_(children) {}
    ~Errand() override;

    struct Plan {
        os::SpawnPlan spawn;  // its descriptors 1 and 2 are ours to give
        std::string name;     // "`mewsgi check`": begins the sentence of a failure without a reason
        base::Milliseconds deadline{0};
        std::string too_slow;  // the sentence when that is over
    };
    // One at a time. `done` is called from the loop, once, unless cancelled.
    base::Result<void> start(Plan plan, Done done);
    void cancel();
    bool running() const { return pid_ != 0; }

    void on_child_end(pid_t pid, int wait_status) override;

private:
    // One stream of the child, gathered whole.
    class Stream final : public net::EventHandler {
    public:
        explicit Stream(net::EventLoop& loop) : loop_(loop) {}
        ~Stream() override { close(); }
        base::Result<os::Fd> open();  // gives the child's end
        void on_event(std::uint32_t events) override;
        void close();
        std::string text;

    private:
        net::EventLoop& loop_;
        os::Fd near_;
    };

    net::EventLoop& loop_;
    Children& children_;
    pid_t pid_ = 0;
    bool out_of_time_ = false;
    net::TimerId deadline_ = 0;
    std::string name_;
    std::string too_slow_;
    std::unique_ptr<Stream> output_;
    std::unique_ptr<Stream> complaints_;
    Done done_;
};

}  // namespace mew::master
