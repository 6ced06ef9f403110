#include "front/spill_folder.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace mew::front {
namespace {

constexpr mode_t kPrivate = 0600;

// What would hit another kind of file too.
bool is_shortage(int error) {
    return error == ENOSPC || error == EDQUOT || error == EMFILE || error == ENFILE ||
           error == ENOMEM;
}

os::Fd make_nameless(int folder) {
    return os::Fd(::openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, kPrivate));
}

}  // namespace

base::Result<SpillFolder> SpillFolder::open() {
    const char* const named = std::getenv("TMPDIR");
    return open(named != nullptr && *named != '\0' ? named : "/tmp");
}

base::Result<SpillFolder> SpillFolder::open(const std::string& path) {
    SpillFolder opened;
    opened.path_ = path;
    opened.folder_.reset(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!opened.folder_) return base::fail_errno("cannot use " + path + " for temporary files");
    opened.on_disk_ = make_nameless(opened.folder_.get()).valid() || is_shortage(errno);
    return opened;
}

std::string SpillFolder::describe() const {
    return on_disk_ ? "the folder " + path_ : std::string("memory");
}

base::Result<SpillFolder::File> SpillFolder::make_file() const {
    File file;
    if (on_disk_) {
        file.fd = make_nameless(folder_.get());
    } else {
        file.fd.reset(::memfd_create("mewsgi-spill", MFD_CLOEXEC | MFD_ALLOW_SEALING));
        file.in_memory = true;
    }
    if (!file.fd) return base::fail_errno("cannot make a temporary file in " + describe());
    return file;
}

}  // namespace mew::front
