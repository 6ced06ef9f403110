#include "os/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace mew::os {
namespace {

constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

base::Result<Fd> make_memory(const std::string& name) {
    Fd fd(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return base::fail_errno("cannot create the shared memory '" + name + "'");
    return fd;
}

base::Result<std::size_t> sealed_size(int fd, int seals) {
    const int have = ::fcntl(fd, F_GET_SEALS);
    if (have < 0)
        return base::fail_errno("descriptor " + std::to_string(fd) + " is no shared memory");
    // F_SEAL_SEAL itself makes no difference to us: seals cannot be taken off.
    if ((have & seals & ~F_SEAL_SEAL) != (seals & ~F_SEAL_SEAL))
        return base::fail("the shared memory on descriptor " + std::to_string(fd) +
                          " is not sealed: not one of ours");
    struct stat about {};
    if (::fstat(fd, &about) != 0) return base::fail_errno("cannot measure shared memory");
    return static_cast<std::size_t>(about.st_size);
}

base::Result<void> write_all(int fd, std::string_view content) {
    while (!content.empty()) {
        const ssize_t done = ::write(fd, content.data(), content.size());
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return base::fail_errno("cannot fill shared memory");
        content.remove_prefix(static_cast<std::size_t>(done));
    }
    return {};
}

}  // namespace

base::Result<Fd> make_shared_memory(const std::string& name, std::size_t size) {
    auto made = make_memory(name);
    if (!made) return made;
    if (::ftruncate(made->get(), static_cast<off_t>(size)) != 0)
        return base::fail_errno("cannot size the shared memory '" + name + "'");
    if (::fcntl(made->get(), F_ADD_SEALS, kSizeSeals) != 0)
        return base::fail_errno("cannot seal the shared memory '" + name + "'");
    return made;
}

base::Result<Fd> make_constant_memory(const std::string& name, std::string_view content) {
    auto made = make_memory(name);
    if (!made) return made;
    if (auto filled = fill_constant_memory(made->get(), content); !filled)
        return std::move(filled).failure();
    return made;
}

base::Result<Fd> make_empty_memory(const std::string& name) { return make_memory(name); }

base::Result<void> fill_constant_memory(int fd, std::string_view content) {
    if (auto filled = write_all(fd, content); !filled) return filled;
    if (::fcntl(fd, F_ADD_SEALS, kSizeSeals | F_SEAL_WRITE) != 0)
        return base::fail_errno("cannot seal shared memory");
    return {};
}

base::Result<std::string> read_constant_memory(int fd, std::size_t limit) {
    const auto size = sealed_size(fd, kSizeSeals | F_SEAL_WRITE);
    if (!size) return base::Unexpected<base::Error>{size.error()};
    if (*size > limit)
        return base::fail("the shared memory on descriptor " + std::to_string(fd) + " holds " +
                          std::to_string(*size) + " bytes, more than any of ours");
    std::string content(*size, '\0');
    std::size_t done = 0;
    // pread: several processes may share the descriptor, and with it the offset.
    while (done < content.size()) {
        const ssize_t got =
            ::pread(fd, content.data() + done, content.size() - done, static_cast<off_t>(done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return base::fail_errno("cannot read shared memory");
        done += static_cast<std::size_t>(got);
    }
    return content;
}

base::Result<std::size_t> shared_memory_size(int fd) { return sealed_size(fd, kSizeSeals); }

}  // namespace mew::os
