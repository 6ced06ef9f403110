#include "net/unix_listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "os/proc.h"
#include "os/users.h"

namespace mew::net {
namespace {

struct UnixAddress {
    sockaddr_un storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

// `name` fits, as parse_address checked. An abstract one begins with NUL and has no end mark.
UnixAddress make_address(const std::string& name) {
    UnixAddress address;
    address.storage.sun_family = AF_UNIX;
    std::memcpy(address.storage.sun_path, name.data(), name.size());
    const bool abstract = name.front() == '\0';
    address.size =
        static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (abstract ? 0 : 1));
    return address;
}

base::Result<os::Fd> open_socket() {
    os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return base::fail_errno("cannot open a UNIX socket");
    return fd;
}

std::string holder_of(int connected) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(connected, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 ||
        credentials.pid <= 0)
        return "another program";
    return "pid " + std::to_string(credentials.pid) + " (" + os::command_line(credentials.pid) +
           ")";
}

// Whether the path is free, or holds a socket that nobody listens on any more.
base::Result<void> check_place(const std::string& path) {
    struct stat about {};
    if (::lstat(path.c_str(), &about) != 0) {
        if (errno == ENOENT) return {};
        return base::fail_errno("cannot use the UNIX socket '" + path + "'");
    }
    if (!S_ISSOCK(about.st_mode))
        return base::fail("'" + path +
                          "' exists and is no socket; remove it or choose another path");
    auto probe = open_socket();
    if (!probe) return std::move(probe).failure();
    const UnixAddress address = make_address(path);
    if (::connect(probe->get(), address.get(), address.size) == 0)
        return base::fail("the UNIX socket '" + path + "' is taken by " + holder_of(probe->get()) +
                          "; stop it, or choose another path");
    if (errno == ECONNREFUSED || errno == ENOENT) return {};
    if (errno == EAGAIN)  // it listens, with a full backlog
        return base::fail("the UNIX socket '" + path +
                          "' is taken by another program; stop it, or choose another path");
    return base::fail_errno("cannot tell whether the UNIX socket '" + path +
                            "' is in use; remove it if it is not");
}

// A folder of our own beside the path: what is made in there is seen by nobody until the rename.
class PrivateFolder {
public:
    static base::Result<PrivateFolder> make_beside(const std::string& path) {
        std::string name = path.substr(0, path.rfind('/') + 1) + ".mewsgi-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr)
            return base::fail_errno("cannot make the UNIX socket '" + path + "'");
        PrivateFolder folder;
        folder.name_ = name;
        folder.fd_ = os::Fd(::open(name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        return folder;
    }
    PrivateFolder(PrivateFolder&& other) noexcept
        : name_(std::exchange(other.name_, {})), fd_(std::move(other.fd_)) {}
    PrivateFolder(const PrivateFolder&) = delete;
    PrivateFolder& operator=(const PrivateFolder&) = delete;
    PrivateFolder& operator=(PrivateFolder&&) = delete;
    ~PrivateFolder() {
        if (name_.empty()) return;
        ::unlink((name_ + kSocket).c_str());
        ::unlink((name_ + base_).c_str());
        ::rmdir(name_.c_str());
    }

    // The path to bind. It keeps the last name, as tools list sockets under the name they were
    // bound with; where that is too long, through the descriptor.
    std::string socket_path(const std::string& path) {
        base_ = path.substr(path.rfind('/'));
        if (name_.size() + base_.size() < sizeof(sockaddr_un::sun_path)) return name_ + base_;
        base_ = kSocket;
        return "/proc/self/fd/" + std::to_string(fd_.get()) + kSocket;
    }

private:
    static constexpr const char* kSocket = "/s";
    PrivateFolder() = default;
    std::string name_;
    std::string base_ = kSocket;
    os::Fd fd_;
};

base::Result<void> set_access(const std::string& made, const std::string& path,
                              const BindSettings& settings) {
    if (!settings.owner.empty()) {
        auto owner = os::resolve_owner(settings.owner);
        if (!owner) return std::move(owner).failure();
        constexpr auto kSameUser = static_cast<uid_t>(-1);
        constexpr auto kSameGroup = static_cast<gid_t>(-1);
        if (::chown(made.c_str(), owner->uid.value_or(kSameUser),
                    owner->gid.value_or(kSameGroup)) != 0)
            return base::fail_errno("cannot give the UNIX socket '" + path + "' to " +
                                    settings.owner);
    }
    if (settings.mode && ::chmod(made.c_str(), *settings.mode) != 0)
        return base::fail_errno("cannot set the mode of the UNIX socket '" + path + "'");
    return {};
}

}  // namespace

base::Result<os::Fd> listen_on_path(const std::string& path, const BindSettings& settings,
                                    int backlog) {
    if (auto free = check_place(path); !free) return std::move(free).failure();
    auto folder = PrivateFolder::make_beside(path);
    if (!folder) return std::move(folder).failure();
    auto fd = open_socket();
    if (!fd) return fd;
    const std::string made = folder->socket_path(path);
    const UnixAddress address = make_address(made);
    if (::bind(fd->get(), address.get(), address.size) != 0)
        return base::fail_errno("cannot make the UNIX socket '" + path + "'");
    if (auto set = set_access(made, path, settings); !set) return std::move(set).failure();
    if (::listen(fd->get(), backlog) != 0)
        return base::fail_errno("cannot listen on the UNIX socket '" + path + "'");
    if (::rename(made.c_str(), path.c_str()) != 0)
        return base::fail_errno("cannot put the UNIX socket '" + path + "' into its place");
    return fd;
}

base::Result<os::Fd> listen_on_abstract(const std::string& name, int backlog) {
    auto fd = open_socket();
    if (!fd) return fd;
    const UnixAddress address = make_address(std::string(1, '\0') + name);
    if (::bind(fd->get(), address.get(), address.size) != 0) {
        if (errno == EADDRINUSE)
            return base::fail_errno("the abstract UNIX socket '@" + name +
                                    "' is taken by another program; choose another name");
        return base::fail_errno("cannot make the abstract UNIX socket '@" + name + "'");
    }
    if (::listen(fd->get(), backlog) != 0)
        return base::fail_errno("cannot listen on the abstract UNIX socket '@" + name + "'");
    return fd;
}

}  // namespace mew::net
