#include "watcher/folders.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace mew::watcher {
namespace {

constexpr std::uint32_t kEntries = IN_CREATE | IN_MOVED_TO;
// Not IN_MODIFY: who writes a log beside a watched file would wake us at each line.
constexpr std::uint32_t kFiles = kEntries | IN_ATTRIB | IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM;

std::uint32_t mask_of(Wanted wanted) { return wanted == Wanted::entries ? kEntries : kFiles; }

Heard heard_from(const inotify_event& event, const char* name) {
    if ((event.mask & IN_Q_OVERFLOW) != 0) return {Heard::What::missed, 0, {}};
    if ((event.mask & IN_IGNORED) != 0) return {Heard::What::gone, event.wd, {}};
    // The name is padded with zeros.
    return {Heard::What::name, event.wd, event.len == 0 ? "" : name};
}

}  // namespace

base::Result<void> Folders::open() {
    inotify_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify_) return base::fail_errno("cannot watch files by inotify");
    return {};
}

base::Result<int> Folders::watch(const std::string& folder, Wanted wanted) {
    if (!inotify_) return base::fail("there is no inotify");
    // What another path wants of the same folder stays.
    const int number = ::inotify_add_watch(inotify_.get(), folder.c_str(),
                                           mask_of(wanted) | IN_ONLYDIR | IN_MASK_ADD);
    if (number < 0) return base::fail_errno("cannot watch " + folder);
    watched_.insert(number);
    return number;
}

void Folders::forget_all_but(const std::unordered_set<int>& used) {
    std::erase_if(watched_, [&](int number) {
        if (used.contains(number)) return false;
        ::inotify_rm_watch(inotify_.get(), number);
        return true;
    });
}

void Folders::read(const std::function<void(const Heard&)>& handle) {
    alignas(inotify_event) std::array<char, 65536> buffer;
    for (;;) {
        const ssize_t got = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return;
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            inotify_event event;
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const Heard heard = heard_from(event, buffer.data() + at + sizeof event);
            // Of one that we let go ourselves too; its number is not given again.
            if (heard.what == Heard::What::gone) watched_.erase(heard.folder);
            handle(heard);
            at += sizeof event + event.len;
        }
    }
}

}  // namespace mew::watcher
