#pragma once
// The chunked coding of a request body (RFC 9112 7.1), strict: http-rules 19 and 20. Chunk
// extensions and trailers are checked, counted against their bounds and dropped.

#include <cstdint>
#include <string_view>

#include "http/codec.h"

namespace mew::http1 {

class ChunkParser {
public:
    explicit ChunkParser(const http::Limits& limits) : limits_(limits) {}

    enum class Outcome : std::uint8_t { more, data, complete, refused };

    struct Step {
        Outcome outcome;
        std::size_t used = 0;     // bytes that are done with
        std::string_view data{};  // outcome data
    };

    // One step. `more`: needs bytes behind those not used.
    Step parse(std::string_view bytes);
    const http::Refusal& refusal() const { return refusal_; }
    void reset();

private:
    enum class State : std::uint8_t { size, data, data_end, trailers, complete };

    Step refuse(const http::Refusal& refusal);
    Step refuse(std::string_view reason, int status = 400);
    Step take_size(std::string_view bytes);
    bool parse_size(std::string_view line);
    Step take_data(std::string_view bytes);
    Step take_data_end(std::string_view bytes);
    Step take_trailer(std::string_view bytes);
    // A line of at most `bound` bytes, without CR LF, in `line`; more or refused (with `too_long`
    // for its size) otherwise.
    Step take_line(std::string_view bytes, std::uint64_t bound, const http::Refusal& too_long,
                   std::string_view& line);

    const http::Limits& limits_;
    State state_ = State::size;
    std::uint64_t left_ = 0;        // of the current chunk
    std::uint64_t body_ = 0;        // all chunks so far
    std::uint64_t extensions_ = 0;  // bytes of extensions so far
    std::uint64_t trailers_ = 0;    // bytes of trailers so far
    std::uint32_t trailer_fields_ = 0;
    http::Refusal refusal_;
};

}  // namespace mew::http1
