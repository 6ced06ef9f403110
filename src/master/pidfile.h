#pragma once
// The pidfile: says where the master is, and that there is one. Written before anything is
// spawned; a live owner is an error that names it, a stale file is replaced. Kept open, so that
// vacuum removes only the file we made and not one that a successor put in its place.

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "os/fd.h"

namespace mew::master {

class Pidfile {
public:
    Pidfile() = default;
    Pidfile(Pidfile&&) = default;
    Pidfile& operator=(Pidfile&&) = default;

    // Fails if another live process holds or is named by it.
    static base::Result<Pidfile> claim(const std::string& path, pid_t pid);
    // The one that this process holds already (upgrade).
    static Pidfile take_over(std::string path, os::Fd file);
    void remove();
    const std::string& path() const { return path_; }
    int fd() const { return file_.get(); }

private:
    std::string path_;
    os::Fd file_;
};

// The pid in a pidfile; a clear error if it is missing or holds something else.
base::Result<pid_t> read_pidfile(const std::string& path);

}  // namespace mew::master
