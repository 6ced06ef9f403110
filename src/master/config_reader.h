#pragma once
// Reads the configuration again without the master parsing a file: an errand runs the installed
// program as `mewsgi check --emit` with the arguments and environment of the start, and hands back
// a checked option block on its standard output. A file system that hangs costs a reload, not the
// master.

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "master/errand.h"
#include "master/program.h"
#include "options/load.h"

namespace mew::master {

// How the child is asked; the second of a master that was started with sockets.
inline constexpr const char* kEmit = "--emit";
inline constexpr const char* kEmitPassed = "--emit=passed";

// What the check said: the options, or, of another build than this, only that they are in order.
struct Checked {
    bool other_build = false;
    options::Loaded loaded;
};

// What `check --emit` writes and this reads: a line that names the build, then the block.
std::string emit_options(const options::Loaded& loaded);
base::Result<Checked> read_emitted(const std::string& text);

class ConfigReader {
public:
    using Done = std::function<void(base::Result<Checked>)>;

    ConfigReader(net::EventLoop& loop, Children& children, const Program& program)
        : program_(program), errand_(loop, children) {}

    // One at a time. `done` is called from the loop, once, unless cancelled.
    base::Result<void> start(Done done);
    void cancel() { errand_.cancel(); }
    bool running() const { return errand_.running(); }

private:
    const Program& program_;
    Errand errand_;
};

}  // namespace mew::master
