#include "watcher/trail.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <deque>

namespace mew::watcher {
namespace {

constexpr int kMostLinks = 40;  // as the kernel has it

std::deque<std::string> split(const std::string& path) {
    std::deque<std::string> names;
    for (std::size_t at = 0; at < path.size();) {
        const std::size_t end = std::min(path.find('/', at), path.size());
        if (end > at) names.push_back(path.substr(at, end - at));
        at = end + 1;
    }
    return names;
}

std::string join(const std::string& folder, const std::string& name) {
    return folder == "/" ? folder + name : folder + "/" + name;
}

std::string parent_of(const std::string& folder) {
    const std::size_t slash = folder.rfind('/');
    return slash == 0 ? "/" : folder.substr(0, slash);
}

std::string read_link(const std::string& path) {
    std::array<char, PATH_MAX> target;
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    return size > 0 ? std::string(target.data(), static_cast<std::size_t>(size)) : "";
}

class Follower {
public:
    Follower(Folders& folders, const std::string& path) : folders_(folders), left_(split(path)) {}

    Trail run(bool inside) {
        bool there = true;
        while (there && !left_.empty()) there = step();
        if (inside && there) watch_inside();
        return std::move(trail_);
    }

private:
    // True: a folder, or a link that may lead to one.
    bool step() {
        const std::string name = std::move(left_.front());
        left_.pop_front();
        if (name == ".") return true;
        if (name == "..") {
            folder_ = parent_of(folder_);
            return true;
        }
        if (!watch(name)) return false;
        const std::string whole = join(folder_, name);
        struct stat about {};
        if (::lstat(whole.c_str(), &about) != 0) return false;
        if (S_ISLNK(about.st_mode)) return enter_link(whole);
        if (!S_ISDIR(about.st_mode)) return false;
        folder_ = whole;
        return true;
    }

    // False: the folder is none.
    bool watch(const std::string& name) {
        const auto number =
            folders_.watch(folder_, left_.empty() ? Wanted::files : Wanted::entries);
        trail_.last_folder = folder_;
        // Of the last one only: that a folder above may not be read is usual, and matters little.
        trail_.why_deaf = number ? "" : number.error().text;
        if (number) trail_.steps.push_back({*number, name});
        return number || number.error().code != ENOTDIR;
    }

    bool enter_link(const std::string& whole) {
        if (++links_ > kMostLinks) return false;
        const std::string target = read_link(whole);
        if (target.starts_with('/')) folder_ = "/";
        const std::deque<std::string> names = split(target);
        left_.insert(left_.begin(), names.begin(), names.end());
        return !target.empty();
    }

    void watch_inside() {
        const auto number = folders_.watch(folder_, Wanted::files);
        trail_.last_folder = folder_;
        trail_.why_deaf = number ? "" : number.error().text;
        if (number) trail_.steps.push_back({*number, ""});
    }

    Folders& folders_;
    std::deque<std::string> left_;
    std::string folder_ = "/";
    int links_ = 0;
    Trail trail_;
};

}  // namespace

Trail follow(Folders& folders, const std::string& path, bool inside) {
    return Follower(folders, path).run(inside);
}

}  // namespace mew::watcher
