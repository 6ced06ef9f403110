#pragma once
// The gate: a page of shared memory that all generations of one server see, in which the master
// says who may accept. It outlives generations, as the listening sockets do.
//
//   serving              the first and the last generation that may accept, in one word; written by
//                        the master before anybody is told: a worker of another one accepts nothing
//                        from then on. Two differ only while slots change one by one.
//                        A front reads it and hands requests to workers of those alone.
//   token_holder         thunder-lock: the pid of the one worker that has the listeners in its
//                        epoll, 0: nobody. Taken and released by workers; what a dead one held, the
//                        master releases.

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "base/result.h"
#include "os/fd.h"
#include "os/shared_mapping.h"

namespace mew::control {

// Says the layout of the page: another one has another number.
inline constexpr std::uint64_t kGateMagic = 0x4d45574741544532;  // "MEWGATE2"

class Gate {
public:
    static base::Result<Gate> create();
    // Maps the gate that another process of this build made.
    static base::Result<Gate> attach(int fd);
    // The same for one who only asks (a front): nothing but serves() may be called.
    static base::Result<Gate> attach_read_only(int fd);
    int fd() const { return memory_.fd(); }
    // A descriptor of the same page for attach_read_only: it cannot be written through.
    base::Result<os::Fd> reader() const;
    explicit operator bool() const { return static_cast<bool>(memory_); }

    bool serves(std::uint32_t generation) const {
        const std::uint64_t word = page().serving.load(std::memory_order_acquire);
        return generation >= (word >> 32) && generation <= (word & 0xffffffff);
    }
    void set_serving(std::uint32_t first, std::uint32_t last) {
        page().serving.store(std::uint64_t{first} << 32 | last, std::memory_order_release);
    }
    bool take_token(pid_t pid);
    // True if `pid` held it.
    bool release_token(pid_t pid);

private:
    struct Page {
        std::uint64_t magic;
        std::atomic<std::uint64_t> serving;
        std::atomic<std::int32_t> token_holder;
        std::uint32_t reserved;
    };
    static_assert(sizeof(Page) == 24);

    static base::Result<Gate> attach(int fd, os::SharedMapping::Access access);
    Page& page() const { return *static_cast<Page*>(memory_.data()); }

    os::SharedMapping memory_;
};

}  // namespace mew::control
