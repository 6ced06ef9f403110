#include "front/spill.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.h"

namespace mew::front {
namespace {

constexpr std::size_t kLoad = 65536;            // bytes brought from the file at a time
constexpr std::uint64_t kGiveBack = 1U << 20U;  // bytes between two calls that give blocks back
constexpr std::uint64_t kBlock = 4096;

constexpr std::uint64_t block_start(std::uint64_t offset) { return offset / kBlock * kBlock; }

}  // namespace

base::Result<bool> Spill::append(std::string_view bytes) {
    MEW_CHECK(!head_written_);
    if (bytes.empty()) return true;
    const bool behind_file = in_file() != 0;
    if (!behind_file && bytes.size() <= limits_.memory - std::min(limits_.memory, front().size())) {
        add_to_memory(bytes);
        return true;
    }
    if (!has_room(bytes.size())) return false;
    if (auto opened = open_file(); !opened) return std::move(opened).failure();
    if (!behind_file) {
        // As long as nothing is consumed, a byte's place in the file is its place in the body, so
        // that share() need only put the head before the rest.
        read_at_ = write_at_ = whole_ ? memory_.size() : 0;
        kept_from_ = read_at_;
    }
    if (auto written = write(bytes, write_at_); !written) return std::move(written).failure();
    write_at_ += bytes.size();
    return true;
}

void Spill::add_to_memory(std::string_view bytes) {
    if (at_ > memory_.size() / 2) memory_.erase(0, std::exchange(at_, 0));
    memory_ += bytes;
}

base::Result<void> Spill::open_file() {
    if (file_.fd) return {};
    auto made = folder_.make_file();
    if (!made) return std::move(made).failure();
    file_ = std::move(*made);
    ++totals_.spills;
    return {};
}

bool Spill::has_room(std::size_t bytes) {
    const auto fits = [&] { return write_at_ - kept_from_ + bytes <= limits_.file; };
    if (!fits()) give_back(kBlock);
    return fits();
}

base::Result<void> Spill::write(std::string_view bytes, std::uint64_t offset) {
    while (!bytes.empty()) {
        const ssize_t done =
            ::pwrite(file_.fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0)
            return base::fail_errno("cannot write to a temporary file in " + folder_.describe());
        bytes.remove_prefix(static_cast<std::size_t>(done));
        offset += static_cast<std::uint64_t>(done);
        totals_.bytes += static_cast<std::uint64_t>(done);
    }
    return {};
}

void Spill::consume(std::size_t bytes) {
    MEW_CHECK(bytes <= front().size());
    if (bytes == 0) return;
    whole_ = false;
    at_ += bytes;
    if (at_ < memory_.size()) return;
    memory_.clear();
    at_ = 0;
}

std::size_t Spill::next_load() const {
    return static_cast<std::size_t>(std::min<std::uint64_t>(kLoad, in_file()));
}

base::Result<bool> Spill::load(FileReader& reader, Ready ready) {
    MEW_CHECK(!loading_ && front().empty() && in_file() != 0);
    if (!loads_) return base::Unexpected<base::Error>{loads_.error()};
    whole_ = false;
    memory_.resize(next_load());
    const auto got = reader.read_at_once(file_.fd.get(), read_at_, memory_);
    if (!got || !got->has_value()) memory_.clear();
    if (!got) return base::Unexpected<base::Error>{got.error()};
    if (got->has_value()) {
        if (auto done = loaded(**got); !done) return std::move(done).failure();
        return true;
    }
    auto begun =
        reader.read_later(file_.fd.get(), read_at_, next_load(),
                          [this, ready = std::move(ready)](base::Result<std::string> bytes) {
                              loading_ = false;
                              if (bytes) {
                                  memory_ = std::move(*bytes);
                                  loads_ = loaded(memory_.size());
                              } else {
                                  loads_ = std::move(bytes).failure();
                              }
                              ready(loads_);
                          });
    if (!begun) return std::move(begun).failure();
    ticket_ = std::move(*begun);
    loading_ = true;
    return false;
}

// memory_ begins with `bytes` bytes of the file.
base::Result<void> Spill::loaded(std::size_t bytes) {
    memory_.resize(bytes);
    if (bytes == 0)
        return base::fail("a temporary file in " + folder_.describe() +
                          " is shorter than what was written: somebody cut it");
    read_at_ += bytes;
    if (in_file() == 0) {
        (void)::ftruncate(file_.fd.get(), 0);
        read_at_ = write_at_ = kept_from_ = 0;
    } else {
        give_back(kGiveBack);
    }
    return {};
}

// Where the file system cannot, the file is simply full earlier.
void Spill::give_back(std::uint64_t at_least) {
    const std::uint64_t end = block_start(read_at_);
    if (end < kept_from_ + at_least) return;
    if (::fallocate(file_.fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    static_cast<off_t>(kept_from_), static_cast<off_t>(end - kept_from_)) == 0)
        kept_from_ = end;
}

base::Result<Spill::Shared> Spill::share() {
    MEW_CHECK(whole_);
    if (auto opened = open_file(); !opened) return std::move(opened).failure();
    if (!head_written_) {
        if (auto written = write(memory_, 0); !written) return std::move(written).failure();
        head_written_ = true;
    }
    Shared shared;
    shared.size = size();
    if (file_.in_memory) {
        constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
        shared.read_only = ::fcntl(file_.fd.get(), F_ADD_SEALS, kSeals) == 0 ||
                           ::fcntl(file_.fd.get(), F_GET_SEALS) == kSeals;
    } else {
        const std::string path = "/proc/self/fd/" + std::to_string(file_.fd.get());
        shared.fd.reset(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
        shared.read_only = shared.fd.valid();
    }
    if (!shared.fd) shared.fd.reset(::fcntl(file_.fd.get(), F_DUPFD_CLOEXEC, 3));
    if (!shared.fd) return base::fail_errno("cannot pass a request's body on");
    return shared;
}

}  // namespace mew::front
