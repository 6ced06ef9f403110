#pragma once
// The same bytes, split in every way: a codec must come to the same outcome. For the unit tests of
// all codecs.

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "http/testing/conversation.h"

namespace mew::http {

// The places to split `size` bytes at: all of them, or both ends of what is too long for that.
inline std::vector<std::size_t> split_places(std::size_t size) {
    std::vector<std::size_t> places;
    for (std::size_t at = 1; at < size; ++at) {
        if (size <= 600 || at < 40 || at + 40 > size) places.push_back(at);
    }
    return places;
}

// The outcome of `wire` in one piece, after it was found to be the same however it is split.
// `make()` gives a fresh conversation, as a unique_ptr.
template <class Make>
auto converse_split(const Make& make, std::string_view wire) {
    auto whole = make();
    whole->present(wire);
    EXPECT_EQ(whole->broken(), "");
    for (const std::size_t at : split_places(wire.size())) {
        const auto split = make();
        split->present(wire.substr(0, at));
        split->present(wire.substr(at));
        EXPECT_EQ(split->broken(), "") << "split at " << at;
        EXPECT_EQ(split->text(), whole->text()) << "split at " << at;
        EXPECT_EQ(split->pending(), whole->pending()) << "split at " << at;
    }
    if (wire.size() <= 4096) {
        const auto bytes = make();
        bytes->present_in_bytes(wire);
        EXPECT_EQ(bytes->broken(), "");
        EXPECT_EQ(bytes->text(), whole->text());
    }
    return whole;
}

}  // namespace mew::http
