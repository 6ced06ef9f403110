// The parser of chunked bodies alone, on pieces that the input itself chooses (split_input.h): body
// and outcome are those of the whole in one piece, and those that a second, slow and simple reading
// finds. What a step leaves comes again with more behind it, in fresh memory.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/pieces.h"
#include "fuzz/split_input.h"
#include "http/grammar.h"
#include "http1/chunk_parser.h"

namespace {

using mew::http::Limits;
using mew::http1::ChunkParser;

struct Outcome {
    std::string body;
    std::string end = "more";  // or "complete", or the refusal
    std::size_t used = 0;
    bool operator==(const Outcome&) const = default;
};

std::string tell(const Outcome& a, const Outcome& b) {
    return a.end + " " + std::to_string(a.used) + " [" + a.body + "]\n--- the other:\n" + b.end +
           " " + std::to_string(b.used) + " [" + b.body + "]";
}

// All steps that `bytes` allow; false once it is over.
bool step(ChunkParser& parser, std::string_view bytes, Outcome& seen) {
    for (;;) {
        const std::size_t left = bytes.size() - std::min(seen.used, bytes.size());
        const std::unique_ptr<char[]> fresh(new char[left]);
        std::copy_n(bytes.data() + seen.used, left, fresh.get());
        const ChunkParser::Step step = parser.parse({fresh.get(), left});
        mew::fuzz::require(step.used <= left, "more was used than there is",
                           [&] { return seen.end; });
        seen.body += step.data;
        seen.used += step.used;
        switch (step.outcome) {
            case ChunkParser::Outcome::more:
                return true;
            case ChunkParser::Outcome::data:
                continue;
            case ChunkParser::Outcome::complete:
                seen.end = "complete";
                return false;
            case ChunkParser::Outcome::refused:
                seen.end = "refused " + std::to_string(parser.refusal().status) + " " +
                           std::string(parser.refusal().reason);
                return false;
        }
    }
}

Outcome parse(std::string_view wire, const std::vector<std::size_t>& arrivals,
              const Limits& limits) {
    ChunkParser parser(limits);
    Outcome seen;
    for (const std::size_t size : arrivals) {
        if (!step(parser, wire.substr(0, size), seen)) break;
    }
    return seen;
}

// A complete body once more: lines by CR LF, sizes by their digits. Extensions, trailers and
// limits are the parser's own matter.
Outcome read_again(std::string_view wire) {
    Outcome seen;
    const auto line = [&] {
        const std::size_t end = wire.find("\r\n", seen.used);
        const std::string_view text = wire.substr(seen.used, end - seen.used);
        seen.used = end + 2;
        return text;
    };
    for (;;) {
        std::size_t size = 0;
        for (const char c : line()) {
            if (mew::http::hex_digit(c) < 0) break;
            size = size * 16 + static_cast<std::size_t>(mew::http::hex_digit(c));
        }
        if (size == 0) break;
        seen.body += wire.substr(seen.used, size);
        seen.used += size + 2;
    }
    while (!line().empty()) {
    }
    seen.end = "complete";
    return seen;
}

Limits limits_of(std::uint8_t flags) {
    Limits limits;
    if ((flags & 1) != 0) limits.body_bytes = 24;
    if ((flags & 2) != 0) limits.chunk_extension_bytes = 8;
    if ((flags & 4) != 0) limits.trailer_bytes = 16;
    if ((flags & 8) != 0) limits.head_fields = 2;
    return limits;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const mew::fuzz::SplitInput input({reinterpret_cast<const char*>(data), size});
    const Limits limits = limits_of(input.flags);
    const Outcome whole = parse(input.wire, {input.wire.size()}, limits);
    const Outcome split = parse(input.wire, input.arrivals(), limits);
    // A refusal may come while less than its whole line was needed to see it, but at one place.
    mew::fuzz::require(whole == split || input.wire.empty(), "the split changed the outcome",
                       [&] { return tell(whole, split); });
    mew::fuzz::require(limits.body_bytes == 0 || whole.body.size() <= limits.body_bytes,
                       "the body is longer than its limit", [&] { return whole.end; });
    if (whole.end == "complete") {
        const Outcome again = read_again(input.wire);
        mew::fuzz::require(whole == again, "another reading finds another body",
                           [&] { return tell(whole, again); });
    }
    return 0;
}
