#pragma once
// A sealed memfd of ours, mapped whole: what boards and the gate stand on. Owns the descriptor and
// the mapping; what lies in it, and whether it is ours, is the caller's to know.

#include <cstddef>
#include <string>

#include "base/result.h"
#include "os/fd.h"

namespace mew::os {

class SharedMapping {
public:
    SharedMapping() = default;
    SharedMapping(SharedMapping&& other) noexcept;
    SharedMapping& operator=(SharedMapping&& other) noexcept;
    SharedMapping(const SharedMapping&) = delete;
    SharedMapping& operator=(const SharedMapping&) = delete;
    ~SharedMapping();

    // Zeroed. `name` is what /proc shows, "mewsgi-gate"; errors call it by that too.
    static base::Result<SharedMapping> create(const std::string& name, std::size_t size);
    enum class Access { read_write, read_only };
    // Maps what another process made, through a descriptor of its own; refuses what can still
    // change its size, and what holds less than `least` bytes.
    static base::Result<SharedMapping> attach(int fd, const std::string& name, std::size_t least,
                                              Access access = Access::read_write);

    void* data() const { return data_; }
    std::size_t size() const { return size_; }
    int fd() const { return fd_.get(); }
    explicit operator bool() const { return data_ != nullptr; }

private:
    base::Result<void> map(const std::string& name, Access access);
    void unmap();

    Fd fd_;
    void* data_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace mew::os
