#pragma once
// Memory that processes share by descriptor: memfds that are sealed against a change of size, so
// that no peer's truncate can turn our load or store into a SIGBUS.

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "os/fd.h"

namespace mew::os {

// Zeroed, `size` bytes, close-on-exec; size sealed, content writable by all who hold it.
base::Result<Fd> make_shared_memory(const std::string& name, std::size_t size);
// Holds `content` for ever: sealed against writes too.
base::Result<Fd> make_constant_memory(const std::string& name, std::string_view content);
// The same in two steps: memory that another process fills.
base::Result<Fd> make_empty_memory(const std::string& name);
base::Result<void> fill_constant_memory(int fd, std::string_view content);
// The whole content; an error unless it is a constant memfd of at most `limit` bytes.
base::Result<std::string> read_constant_memory(int fd, std::size_t limit);
// Its size if it is sealed against resizing, else an error.
base::Result<std::size_t> shared_memory_size(int fd);

}  // namespace mew::os
