#pragma once
// Folders under inotify. Watching the folder and not the file is what hears of a file that is not
// there yet and of one that an editor replaces by rename. A number stands for one folder; the same
// folder by another path has the same number. Used by Watched alone.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/result.h"
#include "os/fd.h"

namespace mew::watcher {

enum class Wanted : std::uint8_t {
    entries,  // what comes into being there, or is moved there
    files,    // and what is written, touched, or goes away
};

struct Heard {
    enum class What : std::uint8_t {
        name,    // something happened to `name` in `folder`
        gone,    // the folder is not there any more, and its number stands for nothing
        missed,  // events were lost: anything may have happened
    };
    What what = What::name;
    int folder = 0;
    std::string_view name;
};

class Folders {
public:
    // Without it each watch fails, and all is looked at by the clock.
    base::Result<void> open();
    int fd() const { return inotify_.get(); }

    // Its number, or what the kernel said against it.
    base::Result<int> watch(const std::string& folder, Wanted wanted);
    void forget_all_but(const std::unordered_set<int>& used);
    // All that has happened, without waiting.
    void read(const std::function<void(const Heard&)>& handle);

private:
    os::Fd inotify_;
    std::unordered_set<int> watched_;
};

}  // namespace mew::watcher
