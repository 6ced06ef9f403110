#pragma once
// Reads the configuration again without the master parsing a file: a child runs this very program
// as `mewsgi check --emit` with the arguments and environment of the start, and hands back a
// checked option block on its standard output. It has a deadline; a file system that hangs costs a
// reload, not the master.

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "master/children.h"
#include "master/program.h"
#include "net/event_loop.h"
#include "options/load.h"
#include "os/fd.h"

namespace mew::master {

// How the child is asked; the second of a master that was started with sockets.
inline constexpr const char* kEmit = "--emit";
inline constexpr const char* kEmitPassed = "--emit=passed";

// What `check --emit` writes and this reads: a line that names the build, then the block.
std::string emit_options(const options::Loaded& loaded);
base::Result<options::Loaded> read_emitted(const std::string& text);

class ConfigReader final : public ChildWatcher {
public:
    using Done = std::function<void(base::Result<options::Loaded>)>;

    ConfigReader(net::EventLoop& loop, Children& children, const Program& program)
        : loop_(loop), children_(children), program_(program) {}
    ~ConfigReader() override;

    // One at a time. `done` is called from the loop, once, unless cancelled.
    base::Result<void> start(Done done);
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
    const Program& program_;
    pid_t pid_ = 0;
    bool out_of_time_ = false;
    net::TimerId deadline_ = 0;
    std::unique_ptr<Stream> output_;
    std::unique_ptr<Stream> complaints_;
    Done done_;
};

}  // namespace mew::master
