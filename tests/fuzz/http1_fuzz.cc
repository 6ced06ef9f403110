// Feeds arbitrary bytes to the HTTP/1 codec: in one piece, byte by byte and in random pieces, with
// default and with tight limits, answered late, early and inside the callbacks. Built as a
// libFuzzer target (option MEW_FUZZ, Clang) and, with replay_main.cc, as an ordinary test over the
// corpus.
//
// An input is the raw bytes of a connection, so a seed can be read and a capture be dropped in; the
// random pieces come from a hash of it. Conversation checks each promise of the Codec seam; here is
// checked what holds between runs: the split never changes the outcome.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "http1/testing/conversation.h"

namespace {

using mew::http1::Answers;
using mew::http1::Conversation;

// xorshift, from the input alone: a finding is the same on every run.
class Pieces {
public:
    explicit Pieces(std::string_view bytes) {
        for (const char c : bytes) {
            state_ = (state_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
        }
        state_ |= 1;
    }
    std::size_t next(std::size_t most) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        // Mostly short pieces: states are entered at their edges.
        const std::size_t bound = state_ % 4 == 0 ? most : std::min<std::size_t>(most, 9);
        return 1 + (state_ >> 8) % bound;
    }

private:
    std::uint64_t state_ = 14695981039346656037U;
};

void require(bool holds, const char* what, const Conversation& a, const Conversation& b) {
    if (holds) return;
    std::fprintf(stderr, "%s\n--- one run\n%sbroken: %s\n--- the other\n%sbroken: %s\n", what,
                 a.text().c_str(), a.broken().c_str(), b.text().c_str(), b.broken().c_str());
    std::abort();
}

void compare(const Conversation& whole, const Conversation& split) {
    require(split.broken().empty(), "a promise of the codec was broken", whole, split);
    require(whole.text() == split.text(), "the split changed the events", whole, split);
    require(whole.pending() == split.pending(), "the split changed what is left", whole, split);
}

void run(std::string_view bytes, const mew::http::Limits& limits, Answers answers) {
    Conversation whole(limits, answers);
    whole.present(bytes);
    require(whole.broken().empty(), "a promise of the codec was broken", whole, whole);

    Conversation random(limits, answers);
    Pieces pieces(bytes);
    for (std::string_view rest = bytes; !rest.empty();) {
        const std::size_t size = pieces.next(rest.size());
        random.present(rest.substr(0, size));
        rest.remove_prefix(size);
    }
    compare(whole, random);

    if (bytes.size() > 256) return;  // slow, and states are short
    Conversation single(limits, answers);
    single.present_in_bytes(bytes);
    compare(whole, single);
}

mew::http::Limits tight() {
    mew::http::Limits limits;
    limits.head_bytes = 96;
    limits.head_fields = 4;
    limits.body_bytes = 24;
    limits.chunk_extension_bytes = 8;
    limits.trailer_bytes = 12;
    return limits;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const Answers answers :
         {Answers::after_body, Answers::after_head, Answers::inside_callback, Answers::never}) {
        run(bytes, {}, answers);
        run(bytes, tight(), answers);
    }
    return 0;
}
