#pragma once
// What the fuzz targets of the gateways share: arbitrary bytes as a connection, in one piece, byte
// by byte and in random pieces, with default and with tight limits, answered late, early and inside
// the callbacks. An input is the raw bytes of a connection, so a capture can be dropped in.
// Conversation checks each promise of the Codec seam; here is checked that no split changes the
// outcome.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/pieces.h"
#include "http/testing/conversation.h"

namespace mew::fuzz {

using http::Answers;
using http::Conversation;

inline void require_same(bool holds, const char* what, const Conversation& a,
                         const Conversation& b) {
    require(holds, what, [&] {
        return "--- one run\n" + a.text() + "broken: " + a.broken() + "\n--- the other\n" +
               b.text() + "broken: " + b.broken();
    });
}

// `compares`: when an answer comes is no part of the outcome.
inline void converse(http::MakeCodec make, std::string_view bytes, const http::Limits& limits,
                     Answers answers, bool compares) {
    Conversation whole(make, limits, answers);
    whole.present(bytes);
    require_same(whole.broken().empty(), "a promise of the codec was broken", whole, whole);
    const auto check = [&](const Conversation& split) {
        require_same(split.broken().empty(), "a promise of the codec was broken", whole, split);
        if (!compares) return;
        require_same(whole.text() == split.text(), "the split changed the events", whole, split);
        require_same(whole.replies() == split.replies(), "the split changed replies", whole, split);
        require_same(whole.pending() == split.pending(), "the split changed what is left", whole,
                     split);
    };
    Conversation random(make, limits, answers);
    in_pieces(bytes, [&](std::string_view piece) { random.present(piece); });
    check(random);
    if (bytes.size() > 256) return;  // slow, and states are short
    Conversation single(make, limits, answers);
    single.present_in_bytes(bytes);
    check(single);
}

inline http::Limits tight_limits() {
    http::Limits limits;
    limits.head_bytes = 96;
    limits.head_fields = 3;
    limits.body_bytes = 24;
    return limits;
}

// `early_answers_matter`: what is decoded may depend on whether the answer was already given.
inline void converse_in_all_ways(http::MakeCodec make, std::string_view bytes,
                                 bool early_answers_matter) {
    for (const Answers answers :
         {Answers::after_body, Answers::after_head, Answers::inside_callback, Answers::never}) {
        const bool compares = answers != Answers::after_head || !early_answers_matter;
        converse(make, bytes, {}, answers, compares);
        converse(make, bytes, tight_limits(), answers, compares);
    }
}

}  // namespace mew::fuzz
