#include "master/memory_room.h"

#include <charconv>
#include <string_view>

#include "base/format.h"
#include "os/proc.h"

namespace mew::master {
namespace {

constexpr std::uint64_t kPerWorker = std::uint64_t{1} << 20;  // pages that differ from its zygote's

// "RssAnon:    12345 kB": memory of its own, which a second import takes once more.
std::uint64_t anonymous_memory(pid_t pid) {
    const auto status = os::read_small_file("/proc/" + std::to_string(pid) + "/status");
    if (!status) return 0;
    constexpr std::string_view kName = "\nRssAnon:";
    const std::size_t start = status->find(kName);
    if (start == std::string::npos) return 0;
    const std::size_t digit = status->find_first_of("0123456789", start);
    if (digit == std::string::npos) return 0;
    std::uint64_t kibibytes = 0;
    std::from_chars(status->data() + digit, status->data() + status->size(), kibibytes);
    return kibibytes * 1024;
}

std::string mebibytes(std::uint64_t bytes) {
    return base::format("{} MiB", (bytes + (std::uint64_t{1} << 19)) >> 20);
}

}  // namespace

std::uint64_t needed_beside(const Generation& running) {
    const ZygoteHandle* const zygote = running.zygote();
    if (zygote == nullptr || running.loaded().options.lazy_apps) return 0;
    const std::uint64_t app = anonymous_memory(zygote->pid());
    return app == 0 ? 0 : app + running.slots() * kPerWorker;
}

std::string missing_memory(std::uint64_t needed, const std::optional<os::MemoryRoom>& room) {
    if (!room || needed <= room->left) return {};
    return base::format(
        "a second generation needs about {}, and of the cgroup's limit of {} only {} are left; "
        "nothing was started. Raise the limit, or use --reload-strategy stop-start",
        mebibytes(needed), mebibytes(room->limit), mebibytes(room->left));
}

}  // namespace mew::master
