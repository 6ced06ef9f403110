#pragma once
// Where a front keeps what is too large for its memory: temporary files without a name, which are
// gone when nobody has them open, whatever happens to the processes. The folder is opened once,
// before the front is confined (os/seccomp), and shared by all exchanges.

#include <string>

#include "base/result.h"
#include "os/fd.h"

namespace mew::front {

class SpillFolder {
public:
    // Without a folder: files lie in memory (memfd).
    SpillFolder() = default;

    // TMPDIR of the environment, else /tmp.
    static base::Result<SpillFolder> open();
    static base::Result<SpillFolder> open(const std::string& path);

    // "the folder /tmp", "memory".
    std::string describe() const;
    // Whether files lie in the folder. Where its file system has none without a name, or we may not
    // write, they lie in memory too; known from the start.
    bool on_disk() const { return on_disk_; }
    int fd() const { return folder_.get(); }

    struct File {
        os::Fd fd;
        bool in_memory = false;  // a memfd that can be sealed
    };
    // An error: no space, or no descriptors.
    base::Result<File> make_file() const;

private:
    os::Fd folder_;
    std::string path_;
    bool on_disk_ = false;
};

}  // namespace mew::front
