#pragma once
// The gate: a page of shared memory that all generations of one server see, in which the master
// says who may accept. It outlives generations, as the listening sockets do.
//
//   serving_generation   written by the master at each commit, before anybody is told: a worker of
//                        an older generation accepts nothing from then on
//   token_holder         thunder-lock: the pid of the one worker that has the listeners in its
//                        epoll, 0: nobody. Taken and released by workers; what a dead one held, the
//                        master releases.

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "base/result.h"
#include "os/fd.h"

namespace mew::control {

class Gate {
public:
    Gate() = default;
    Gate(Gate&& other) noexcept;
    Gate& operator=(Gate&& other) noexcept;
    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;
    ~Gate();

    static base::Result<Gate> create();
    // Maps the gate that another process of this build made.
    static base::Result<Gate> attach(int fd);
    int fd() const { return fd_.get(); }
    explicit operator bool() const { return page_ != nullptr; }

    std::uint32_t serving_generation() const {
        return page_->serving_generation.load(std::memory_order_acquire);
    }
    void set_serving_generation(std::uint32_t number) {
        page_->serving_generation.store(number, std::memory_order_release);
    }
    bool take_token(pid_t pid);
    // True if `pid` held it.
    bool release_token(pid_t pid);

private:
    struct Page {
        std::uint64_t magic;
        std::atomic<std::uint32_t> serving_generation;
        std::atomic<std::int32_t> token_holder;
    };
    static_assert(sizeof(Page) == 16);

    os::Fd fd_;
    Page* page_ = nullptr;
};

}  // namespace mew::control
