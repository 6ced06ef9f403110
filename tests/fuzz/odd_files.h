#pragma once
// Descriptors that one process may send to another where a file is due: some are none. Opened once,
// for all inputs; and how many descriptors there are, to see whether an input leaves any.

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>

#include "os/fd.h"

namespace mew::fuzz {

inline int open_descriptors() {
    DIR* const folder = ::opendir("/proc/self/fd");
    int count = 0;
    while (folder != nullptr && ::readdir(folder) != nullptr) ++count;
    if (folder != nullptr) ::closedir(folder);
    return count;
}

class OddFiles {
public:
    static constexpr std::uint32_t kKinds = 9;
    // -1: none.
    static int get(std::uint32_t kind) {
        static const OddFiles files;
        return files.all_[kind % kKinds].get();
    }

private:
    OddFiles() {
        int pipe[2] = {-1, -1};
        [[maybe_unused]] const int made = ::pipe2(pipe, O_CLOEXEC | O_NONBLOCK);
        all_[1] = os::Fd(::memfd_create("regular", MFD_CLOEXEC));
        const std::string content(200000, 'f');
        [[maybe_unused]] const ssize_t put = ::write(all_[1].get(), content.data(), content.size());
        all_[2] = os::Fd(pipe[0]);
        all_[3] = os::Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC));
        all_[4] = os::Fd(::open("/dev/zero", O_RDONLY | O_CLOEXEC));
        all_[5] = os::Fd(::open("/", O_PATH | O_CLOEXEC));
        all_[6] = os::Fd(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        // A regular file of which nobody can tell whether it would wait.
        all_[7] = os::Fd(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
        const std::string same = "/proc/self/fd/" + std::to_string(all_[1].get());
        all_[8] = os::Fd(::open(same.c_str(), O_WRONLY | O_CLOEXEC));
        writer_ = os::Fd(pipe[1]);
    }
    std::array<os::Fd, kKinds> all_;
    os::Fd writer_;
};

}  // namespace mew::fuzz
