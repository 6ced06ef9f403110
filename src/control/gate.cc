#include "control/gate.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <new>
#include <utility>

#include "os/memory_file.h"

namespace mew::control {
namespace {

void* map(int fd, std::size_t size) {
    void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

}  // namespace

Gate::Gate(Gate&& other) noexcept
    : fd_(std::move(other.fd_)), page_(std::exchange(other.page_, nullptr)) {}

Gate& Gate::operator=(Gate&& other) noexcept {
    if (this == &other) return *this;
    if (page_ != nullptr) ::munmap(page_, sizeof(Page));
    fd_ = std::move(other.fd_);
    page_ = std::exchange(other.page_, nullptr);
    return *this;
}

Gate::~Gate() {
    if (page_ != nullptr) ::munmap(page_, sizeof(Page));
}

base::Result<Gate> Gate::create() {
    Gate gate;
    auto fd = os::make_shared_memory("mewsgi-gate", sizeof(Page));
    if (!fd) return std::move(fd).failure();
    gate.fd_ = std::move(*fd);
    void* const memory = map(gate.fd_.get(), sizeof(Page));
    if (memory == nullptr) return base::fail_errno("cannot map the gate");
    gate.page_ = new (memory) Page{kGateMagic, 0, 0, 0};
    return gate;
}

base::Result<Gate> Gate::attach(int fd) {
    const auto size = os::shared_memory_size(fd);
    if (!size) return base::Unexpected<base::Error>{size.error()};
    if (*size < sizeof(Page)) return base::fail("the gate is too small");
    Gate gate;
    gate.fd_ = os::Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!gate.fd_) return base::fail_errno("cannot keep the gate");
    void* const memory = map(gate.fd_.get(), sizeof(Page));
    if (memory == nullptr) return base::fail_errno("cannot map the gate");
    gate.page_ = static_cast<Page*>(memory);
    if (gate.page_->magic != kGateMagic) return base::fail("the gate belongs to another build");
    return gate;
}

bool Gate::take_token(pid_t pid) {
    std::int32_t nobody = 0;
    return page_->token_holder.compare_exchange_strong(nobody, pid);
}

bool Gate::release_token(pid_t pid) {
    std::int32_t holder = pid;
    return page_->token_holder.compare_exchange_strong(holder, 0);
}

}  // namespace mew::control
