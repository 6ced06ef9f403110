#pragma once
// What the watcher is told to watch: a list in a constant memfd (message kinds watch and files).
// The master writes the one of the options, zygotes and workers those of the modules they imported;
// the watcher alone reads them, so what it reads was written by the app's process: check it all.
//
// A list is records, each ended by a NUL: a letter for the trigger, for modules what the file was
// when it was loaded ("12 34 56 ": mtime in ns, size, inode), and an absolute path.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace mew::control {

enum class Trigger : std::uint8_t {
    touch_reload,
    touch_workers_reload,
    touch_chain_reload,
    fs_reload,
    touch_logreopen,
    module_file,
    certificates,
};
inline constexpr std::size_t kTriggers = 7;

// The option that asks for it: how the log names it.
std::string_view option_of(Trigger trigger);

// What of a file tells two versions of it apart.
struct FileState {
    std::int64_t modified_ns = -1;  // -1: there is no such file
    std::uint64_t size = 0;
    std::uint64_t inode = 0;

    bool exists() const { return modified_ns != -1; }
    bool operator==(const FileState&) const = default;
};

struct WatchedPath {
    Trigger trigger = Trigger::touch_reload;
    std::string path;
    std::optional<FileState> loaded;  // module_file: what the running code was made from

    bool operator==(const WatchedPath&) const = default;
};

inline constexpr std::size_t kMaxWatchList = std::size_t{16} << 20;

std::string encode_paths(const std::vector<WatchedPath>& paths);
base::Result<std::vector<WatchedPath>> decode_paths(std::string_view list);

}  // namespace mew::control
