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
#include <string>
#include <string_view>

#include "fuzz/pieces.h"
#include "http1/testing/conversation.h"

namespace {

using mew::http1::Answers;
using mew::http1::Conversation;

void require(bool holds, const char* what, const Conversation& a, const Conversation& b) {
    mew::fuzz::require(holds, what, [&] {
        return "--- one run\n" + a.text() + "broken: " + a.broken() + "\n--- the other\n" +
               b.text() + "broken: " + b.broken();
    });
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
    mew::fuzz::in_pieces(bytes, [&](std::string_view piece) { random.present(piece); });
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
