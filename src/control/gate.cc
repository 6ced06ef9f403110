#include "control/gate.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <new>
#include <string>
#include <utility>

namespace mew::control {
namespace {

constexpr const char* kName = "mewsgi-gate";

}  // namespace

base::Result<Gate> Gate::create() {
    auto memory = os::SharedMapping::create(kName, sizeof(Page));
    if (!memory) return std::move(memory).failure();
    // Else any user's process that holds a descriptor for reading could open the page anew.
    if (::fchmod(memory->fd(), 0600) != 0) return base::fail_errno("cannot protect the gate");
    Gate gate;
    gate.memory_ = std::move(*memory);
    new (gate.memory_.data()) Page{kGateMagic, 0, 0, 0};
    return gate;
}

base::Result<Gate> Gate::attach(int fd) {
    return attach(fd, os::SharedMapping::Access::read_write);
}

base::Result<Gate> Gate::attach_read_only(int fd) {
    return attach(fd, os::SharedMapping::Access::read_only);
}

base::Result<Gate> Gate::attach(int fd, os::SharedMapping::Access access) {
    auto memory = os::SharedMapping::attach(fd, kName, sizeof(Page), access);
    if (!memory) return std::move(memory).failure();
    Gate gate;
    gate.memory_ = std::move(*memory);
    if (gate.page().magic != kGateMagic) return base::fail("the gate belongs to another build");
    return gate;
}

base::Result<os::Fd> Gate::reader() const {
    const std::string path = "/proc/self/fd/" + std::to_string(fd());
    os::Fd reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!reader) return base::fail_errno("cannot open the gate for reading");
    return reader;
}

bool Gate::take_token(pid_t pid) {
    std::int32_t nobody = 0;
    return page().token_holder.compare_exchange_strong(nobody, pid);
}

bool Gate::release_token(pid_t pid) {
    std::int32_t holder = pid;
    return page().token_holder.compare_exchange_strong(holder, 0);
}

}  // namespace mew::control
