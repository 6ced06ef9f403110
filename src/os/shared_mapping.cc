#include "os/shared_mapping.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <utility>

#include "os/memory_file.h"

namespace mew::os {

SharedMapping::SharedMapping(SharedMapping&& other) noexcept
    : fd_(std::move(other.fd_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

SharedMapping& SharedMapping::operator=(SharedMapping&& other) noexcept {
    if (this == &other) return *this;
    unmap();
    fd_ = std::move(other.fd_);
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    return *this;
}

SharedMapping::~SharedMapping() { unmap(); }

base::Result<SharedMapping> SharedMapping::create(const std::string& name, std::size_t size) {
    auto fd = make_shared_memory(name, size);
    if (!fd) return std::move(fd).failure();
    SharedMapping mapping;
    mapping.fd_ = std::move(*fd);
    mapping.size_ = size;
    if (auto mapped = mapping.map(name, Access::read_write); !mapped)
        return std::move(mapped).failure();
    return mapping;
}

base::Result<SharedMapping> SharedMapping::attach(int fd, const std::string& name,
                                                  std::size_t least, Access access) {
    const auto size = shared_memory_size(fd);
    if (!size) return base::Unexpected<base::Error>{size.error()};
    if (*size < least) return base::fail("the shared memory '" + name + "' is too small");
    SharedMapping mapping;
    mapping.fd_ = Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!mapping.fd_) return base::fail_errno("cannot keep the shared memory '" + name + "'");
    mapping.size_ = *size;
    if (auto mapped = mapping.map(name, access); !mapped) return std::move(mapped).failure();
    return mapping;
}

base::Result<void> SharedMapping::map(const std::string& name, Access access) {
    const int protection = access == Access::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    void* const memory = ::mmap(nullptr, size_, protection, MAP_SHARED, fd_.get(), 0);
    if (memory == MAP_FAILED)
        return base::fail_errno("cannot map the shared memory '" + name + "'");
    data_ = memory;
    return {};
}

void SharedMapping::unmap() {
    if (data_ != nullptr) ::munmap(data_, size_);
    data_ = nullptr;
}

}  // namespace mew::os
