#include "os/process_title.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "os/proc.h"

namespace mew::os {
namespace {

bool titled = false;

// The strings of argv and, right behind them, those of the first environment: memory of the
// process's stack that the kernel shows as /proc/PID/cmdline.
struct Area {
    char* start = nullptr;
    std::size_t arguments = 0;  // bytes
    std::size_t all = 0;        // with the environment
};

Area find_area() {
    const auto stat = read_stat(::getpid());
    if (!stat || stat->arg_start == 0 || stat->arg_end <= stat->arg_start) return {};
    Area area;
    // The kernel gives the address as a number.
    // NOLINTNEXTLINE(performance-no-int-to-ptr)
    area.start = reinterpret_cast<char*>(static_cast<std::uintptr_t>(stat->arg_start));
    area.arguments = static_cast<std::size_t>(stat->arg_end - stat->arg_start);
    const bool adjoining = stat->env_start == stat->arg_end && stat->env_end > stat->env_start;
    area.all =
        adjoining ? static_cast<std::size_t>(stat->env_end - stat->arg_start) : area.arguments;
    return area;
}

bool lies_in(const Area& area, const char* text) {
    const auto address = reinterpret_cast<std::uintptr_t>(text);
    const auto start = reinterpret_cast<std::uintptr_t>(area.start);
    return address >= start && address < start + area.all;
}

// Copies live until the process ends: nobody knows who keeps a pointer into the environment.
void move_environment_aside(const Area& area) {
    if (::environ == nullptr) return;
    for (char** entry = ::environ; *entry != nullptr; ++entry) {
        if (lies_in(area, *entry)) *entry = ::strdup(*entry);
    }
}

void move_program_name_aside(const Area& area) {
    const auto aside = [&](char*& name) {
        if (name != nullptr && lies_in(area, name)) name = ::strdup(name);
    };
    // The short name points into the long one.
    char* const old = program_invocation_name;
    if (old != nullptr && lies_in(area, old)) {
        const auto offset = program_invocation_short_name - old;
        const bool inside = offset >= 0 && static_cast<std::size_t>(offset) <= std::strlen(old);
        aside(program_invocation_name);
        if (inside) program_invocation_short_name = program_invocation_name + offset;
    }
    aside(program_invocation_short_name);
}

}  // namespace

std::size_t title_capacity() {
    const Area area = find_area();
    return area.all == 0 ? 0 : area.all - 1;
}

bool set_process_title(std::string_view title) {
    const std::string name(title.substr(0, 15));
    ::prctl(PR_SET_NAME, name.c_str());
    const Area area = find_area();
    if (area.all == 0) return false;
    titled = true;
    title = title.substr(0, area.all - 1);
    move_program_name_aside(area);
    // A title that fits leaves the environment where other code may hold pointers into it.
    const bool spills = title.size() >= area.arguments;
    if (spills) move_environment_aside(area);
    std::memcpy(area.start, title.data(), title.size());
    // A former title may have spilled; if none did, what lies there is still the environment.
    static bool spilled_before = false;
    spilled_before = spilled_before || spills;
    const std::size_t owned = spilled_before ? area.all : area.arguments;
    std::memset(area.start + title.size(), 0, owned - title.size());
    // The kernel shows a title up to its first NUL if the last byte of the arguments is set,
    // else all bytes of the area.
    if (title.size() + 1 < area.arguments) area.start[area.arguments - 1] = '.';
    return true;
}

bool has_process_title() { return titled; }

}  // namespace mew::os
