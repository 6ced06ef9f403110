#include "master/fifo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace mew::master {

class Fifos::Fifo final : public net::EventHandler {
public:
    Fifo(net::EventLoop& loop, std::string path, const OnLetter& on_letter)
        : loop_(loop), path_(std::move(path)), on_letter_(on_letter) {}
    ~Fifo() override {
        if (fd_) loop_.remove(fd_.get(), *this);
    }

    base::Result<void> open() {
        if (::mkfifo(path_.c_str(), 0666) != 0 && errno != EEXIST)
            return base::fail_errno("master-fifo: cannot make " + path_);
        struct stat about {};
        if (::lstat(path_.c_str(), &about) != 0)
            return base::fail_errno("master-fifo: cannot look at " + path_);
        if (!S_ISFIFO(about.st_mode))
            return base::fail("master-fifo: " + path_ +
                              " is there already and no FIFO; remove it, or name another path");
        fd_.reset(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
        if (!fd_) return base::fail_errno("master-fifo: cannot open " + path_);
        return loop_.add(fd_.get(), EPOLLIN, *this);
    }

    base::Result<void> take_over(os::Fd fd) {
        fd_ = std::move(fd);
        return loop_.add(fd_.get(), EPOLLIN, *this);
    }
    state::Fifo to_state() const { return {path_, {fd_.get()}}; }

    // Another server may have made one of its own in this place since.
    void remove_file() const {
        struct stat ours {};
        struct stat there {};
        if (::fstat(fd_.get(), &ours) != 0 || ::lstat(path_.c_str(), &there) != 0) return;
        if (ours.st_dev == there.st_dev && ours.st_ino == there.st_ino) ::unlink(path_.c_str());
    }

    // One read a turn: who writes without end holds nobody up.
    void on_event(std::uint32_t) override {
        std::array<char, 4096> letters;
        const ssize_t count = ::read(fd_.get(), letters.data(), letters.size());
        char before = '\0';
        for (ssize_t i = 0; i < count; ++i) {
            const char letter = letters[static_cast<std::size_t>(i)];
            if (letter == '\n' || letter == '\r') continue;
            // The same order given twice at once is one.
            if (letter != before) on_letter_(letter, path_);
            before = letter;
        }
    }

private:
    net::EventLoop& loop_;
    std::string path_;
    const OnLetter& on_letter_;
    os::Fd fd_;
};

Fifos::Fifos(net::EventLoop& loop) : loop_(loop) {}

Fifos::~Fifos() = default;

base::Result<void> Fifos::open(const std::vector<std::string>& paths, const std::string& folder,
                               OnLetter on_letter) {
    on_letter_ = std::move(on_letter);
    for (const std::string& path : paths) {
        const bool whole = path.starts_with('/') || folder.empty();
        const std::string prefix = whole ? "" : folder + "/";
        auto fifo = std::make_unique<Fifo>(loop_, prefix + path, on_letter_);
        if (auto opened = fifo->open(); !opened) return opened;
        fifos_.push_back(std::move(fifo));
    }
    return {};
}

base::Result<void> Fifos::take_over(const std::vector<state::Fifo>& from, OnLetter on_letter) {
    on_letter_ = std::move(on_letter);
    for (const state::Fifo& one : from) {
        auto fifo = std::make_unique<Fifo>(loop_, one.path, on_letter_);
        if (auto taken = fifo->take_over(os::Fd(one.fd.fd)); !taken) return taken;
        fifos_.push_back(std::move(fifo));
    }
    return {};
}

std::vector<state::Fifo> Fifos::to_state() const {
    std::vector<state::Fifo> to;
    to.reserve(fifos_.size());
    for (const auto& fifo : fifos_) to.push_back(fifo->to_state());
    return to;
}

void Fifos::close(bool remove) {
    for (std::unique_ptr<Fifo>& fifo : fifos_) {
        if (remove) fifo->remove_file();
        // A letter may have brought us here.
        loop_.defer_delete(std::move(fifo));
    }
    fifos_.clear();
}

}  // namespace mew::master
