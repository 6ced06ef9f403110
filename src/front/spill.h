#pragma once
// The bytes that a front holds for one exchange, in order: a request's body until a worker wants
// it, an answer until its client takes it. In memory up to a bound, what comes then in a temporary
// file up to another. Owned by the exchange, used by the loop alone; it never waits for a disk to
// read. (To write it may wait, when the kernel has more unwritten pages than it likes.)
//
//   front() ...| memory |  file: read_at .. write_at  |... append()
//
// While the file holds bytes, what comes goes behind them. Blocks that were read are given back in
// steps; an empty file begins anew.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "front/file_reader.h"
#include "front/spill_folder.h"
#include "os/fd.h"

namespace mew::front {

// What a front tells of all its exchanges.
struct SpillTotals {
    std::uint64_t spills = 0;  // exchanges that needed a file
    std::uint64_t bytes = 0;   // written to files
};

class Spill {
public:
    struct Limits {
        std::size_t memory = 0;  // bytes; what load() brings may be more
        std::uint64_t file = 0;  // bytes on the disk
    };
    // `folder` and `totals` outlive it.
    Spill(const SpillFolder& folder, SpillTotals& totals, Limits limits)
        : folder_(folder), totals_(totals), limits_(limits) {}

    std::uint64_t size() const { return memory_.size() - at_ + in_file(); }
    bool empty() const { return size() == 0; }

    // All of `bytes`; false: they are more than the limits leave room for, and none was taken. An
    // error (no space on the disk) takes none either.
    base::Result<bool> append(std::string_view bytes);

    // The first bytes, as far as they lie in memory. Valid until the next call that changes
    // anything.
    std::string_view front() const { return std::string_view(memory_).substr(at_); }
    // Of front().
    void consume(std::size_t bytes);

    // Where front() has none but size() says there are: brings some. True: front() has them; false:
    // `ready` will be called, once, unless this dies before. To be called again only then. An error
    // stays: what is in the file is lost, and each load() says so.
    using Ready = std::function<void(base::Result<void>)>;
    base::Result<bool> load(FileReader& reader, Ready ready);

    // A body as a file for another process, all of it from offset 0: to be called when it is whole
    // and nothing of it was consumed; nothing may be appended afterwards.
    struct Shared {
        os::Fd fd;
        std::uint64_t size = 0;
        // Nobody can write to it: it was opened again for reading (/proc), or sealed. Where neither
        // can be done, whoever gets it can change it for everybody else.
        bool read_only = false;
    };
    base::Result<Shared> share();

    // -1: there is none.
    int file() const { return file_.fd.get(); }

private:
    std::uint64_t in_file() const { return write_at_ - read_at_; }
    void add_to_memory(std::string_view bytes);
    base::Result<void> open_file();
    bool has_room(std::size_t bytes);
    base::Result<void> write(std::string_view bytes, std::uint64_t offset);
    std::size_t next_load() const;
    base::Result<void> loaded(std::size_t bytes);
    void give_back(std::uint64_t at_least);

    const SpillFolder& folder_;
    SpillTotals& totals_;
    Limits limits_;

    std::string memory_;
    std::size_t at_ = 0;  // of memory_: what lies before was consumed

    SpillFolder::File file_;
    std::uint64_t read_at_ = 0;
    std::uint64_t write_at_ = 0;
    std::uint64_t kept_from_ = 0;  // blocks before it are not on the disk
    bool whole_ = true;            // nothing was consumed, nor loaded
    bool head_written_ = false;    // share(): what lies in memory lies in the file too
    bool loading_ = false;
    base::Result<void> loads_;  // what came of the last one
    FileReader::Ticket ticket_;
};

}  // namespace mew::front
