#define ZLIB_CONST  // NOLINT(readability-identifier-naming): zlib names it
#include "websocket/deflate.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "base/check.h"

namespace mew::websocket {
namespace {

// A fast level, and tables of zlib's that are small enough to be cleared for each message.
constexpr int kLevel = 3;
constexpr int kMemoryLevel = 6;
constexpr std::size_t kFirstRoom = std::size_t{16} << 10;
constexpr std::size_t kMostKept = std::size_t{256} << 10;
constexpr int kBehindBlock = 128;                     // of data_type, as zlib.h has it
constexpr std::string_view kTail{"\0\0\xff\xff", 4};  // RFC 7692 7.2.1: taken off, put on again

// Memory that is not filled before it is written, as a string's would be.
class Output {
public:
    char* data() { return data_.get(); }
    std::size_t room() const { return room_; }
    // Keeps the first `used` bytes.
    void grow(std::size_t room, std::size_t used) {
        if (room <= room_) return;
        std::unique_ptr<char[]> larger(new char[room]);
        if (used != 0) std::memcpy(larger.get(), data_.get(), used);
        data_ = std::move(larger);
        room_ = room;
    }
    void trim() {
        if (room_ <= kMostKept) return;
        data_.reset();
        room_ = 0;
    }

private:
    std::unique_ptr<char[]> data_;
    std::size_t room_ = 0;
};

const Bytef* input(std::string_view bytes) { return reinterpret_cast<const Bytef*>(bytes.data()); }

class Inflater {
public:
    Inflater() { MEW_CHECK(inflateInit2(&stream_, -15) == Z_OK); }
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    ~Inflater() { inflateEnd(&stream_); }

    Inflated run(std::string_view compressed, std::size_t most) {
        MEW_CHECK(inflateReset(&stream_) == Z_OK);
        used_ = 0;
        for (const std::string_view part : {compressed, kTail}) {
            const auto outcome = take(part, most);
            if (outcome != Inflated::Outcome::done) return {outcome, {}};
        }
        // The tail ends a block: a message that was cut would have swallowed it.
        if ((stream_.data_type & kBehindBlock) == 0) return {Inflated::Outcome::malformed, {}};
        return {Inflated::Outcome::done, {output_.data(), used_}};
    }
    void trim() { output_.trim(); }

private:
    Inflated::Outcome take(std::string_view part, std::size_t most) {
        stream_.next_in = input(part);
        stream_.avail_in = static_cast<uInt>(part.size());
        for (;;) {
            // One byte beyond the limit, to see that there is more.
            if (used_ == output_.room()) {
                const std::size_t wanted = std::max(kFirstRoom, 2 * output_.room());
                output_.grow(std::max(used_ + 1, std::min(wanted, most + 1)), used_);
            }
            const std::size_t room = std::min(output_.room(), most + 1) - used_;
            stream_.next_out = reinterpret_cast<Bytef*>(output_.data() + used_);
            stream_.avail_out = static_cast<uInt>(room);
            const int result = inflate(&stream_, Z_SYNC_FLUSH);
            used_ += room - stream_.avail_out;
            if (used_ > most) return Inflated::Outcome::too_large;
            if (result == Z_STREAM_END) {
                // RFC 7692 7.2.3.4: a block that says it is the last; others may follow it.
                MEW_CHECK(inflateReset(&stream_) == Z_OK);
            } else if (result != Z_OK && result != Z_BUF_ERROR) {
                return Inflated::Outcome::malformed;
            }
            if (stream_.avail_in == 0 && stream_.avail_out != 0) return Inflated::Outcome::done;
        }
    }

    z_stream stream_{};
    Output output_;
    std::size_t used_ = 0;
};

class Deflater {
public:
    Deflater() = default;
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    ~Deflater() { end(); }

    std::string_view run(std::string_view message, int window_bits) {
        begin(window_bits);
        // Room for what is worth sending only.
        output_.grow(std::max(kFirstRoom, message.size() + kTail.size()), 0);
        stream_.next_in = input(message);
        stream_.avail_in = static_cast<uInt>(message.size());
        stream_.next_out = reinterpret_cast<Bytef*>(output_.data());
        stream_.avail_out = static_cast<uInt>(message.size() + kTail.size());
        const int result = deflate(&stream_, Z_SYNC_FLUSH);
        const std::size_t size = message.size() + kTail.size() - stream_.avail_out;
        if (result != Z_OK || stream_.avail_out == 0 || size < kTail.size()) return {};
        return {output_.data(), size - kTail.size()};
    }
    void trim() { output_.trim(); }

private:
    void begin(int window_bits) {
        if (window_bits == window_bits_) {
            MEW_CHECK(deflateReset(&stream_) == Z_OK);
            return;
        }
        end();
        MEW_CHECK(deflateInit2(&stream_, kLevel, Z_DEFLATED, -window_bits, kMemoryLevel,
                               Z_DEFAULT_STRATEGY) == Z_OK);
        window_bits_ = window_bits;
    }
    void end() {
        if (window_bits_ != 0) deflateEnd(&stream_);
        window_bits_ = 0;
    }

    z_stream stream_{};
    int window_bits_ = 0;  // 0: no stream yet
    Output output_;
};

Inflater& inflater() {
    thread_local Inflater one;
    return one;
}

Deflater& deflater() {
    thread_local Deflater one;
    return one;
}

}  // namespace

Inflated inflate_message(std::string_view compressed, std::size_t most) {
    return inflater().run(compressed, std::min(most, kMostDeflated));
}

std::string_view deflate_message(std::string_view message, int window_bits) {
    if (message.empty() || message.size() > kMostDeflated) return {};
    return deflater().run(message, window_bits);
}

void trim_deflate_memory() {
    inflater().trim();
    deflater().trim();
}

}  // namespace mew::websocket
