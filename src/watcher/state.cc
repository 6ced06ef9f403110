#include "watcher/state.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <string_view>

namespace mew::watcher {
namespace {

// Some are in no header of the kernel's, all are part of its interface.
constexpr unsigned long kFarFileSystems[] = {
    0x6969,      // NFS
    0x517b,      // SMB
    0xff534d42,  // CIFS
    0xfe534d42,  // SMB2
    0x65735546,  // FUSE, virtiofs
    0x01021997,  // 9p
    0x786f4256,  // VirtualBox shared folders
    0x7c7c6673,  // Parallels shared folders
    0xbacbacbc,  // VMware shared folders
    0x00c36400,  // Ceph
    0x5346414f,  // AFS
    0x73757245,  // Coda
    0x0bd00bd0,  // Lustre
    0x01161970,  // GFS2
    0x7461636f,  // OCFS2
    0x19830326,  // BeeGFS
    0x47504653,  // GPFS
};

std::int64_t in_ns(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

control::FileState from(const struct stat& about) {
    control::FileState state;
    state.modified_ns = in_ns(about.st_mtim);
    // -1 means that there is none.
    if (!state.exists()) state.modified_ns = -2;
    state.size = static_cast<std::uint64_t>(about.st_size);
    state.inode = about.st_ino;
    return state;
}

// FNV-1a, and a sum over all entries: their order is the file system's whim.
std::uint64_t digest(std::string_view name, const control::FileState& state) {
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto mix = [&hash](std::uint64_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
    for (const char c : name) mix(static_cast<unsigned char>(c));
    for (const std::uint64_t part :
         {static_cast<std::uint64_t>(state.modified_ns), state.size, state.inode}) {
        for (int shift = 0; shift < 64; shift += 8) mix(part >> shift & 0xff);
    }
    return hash;
}

std::uint64_t digest_of_entries(const std::string& path) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
    std::uint64_t sum = 0;
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        struct stat about {};
        if (name.starts_with('.') || name == "__pycache__") continue;
        if (::fstatat(::dirfd(folder.get()), entry->d_name, &about, 0) == 0)
            sum += digest(name, from(about));
    }
    return sum;
}

}  // namespace

control::FileState state_of(const std::string& path, bool with_entries) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0) return {};
    control::FileState state = from(about);
    if (with_entries && S_ISDIR(about.st_mode)) {
        // Its own time changes with every name that comes or goes, __pycache__ among them.
        state.modified_ns = 0;
        state.size = digest_of_entries(path);
    }
    return state;
}

std::int64_t changed_at(const std::string& path) {
    struct stat about {};
    if (::stat(path.c_str(), &about) != 0 || S_ISDIR(about.st_mode)) return -1;
    return in_ns(about.st_ctim);
}

bool hears_all(const std::string& folder) {
    struct statfs about {};
    if (::statfs(folder.c_str(), &about) != 0) return true;
    // The field is signed, and of 32 bits on some machines.
    const auto type = static_cast<unsigned long>(about.f_type) & 0xffffffffUL;
    return std::find(std::begin(kFarFileSystems), std::end(kFarFileSystems), type) ==
           std::end(kFarFileSystems);
}

}  // namespace mew::watcher
