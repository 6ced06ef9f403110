#pragma once
// One row of the codec's rule tables: bytes of a request and what must become of them. Shared by
// the test files of this folder; see http-rules in the design for the numbers in the names.

#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "http1/testing/conversation.h"

namespace mew::http1 {

constexpr int kAccepted = 0;

struct WireCase {
    std::string name;  // rule number first
    std::string wire;
    int status = kAccepted;  // of the refusal
};

inline void PrintTo(const WireCase& row, std::ostream* out) { *out << row.name; }

inline std::string case_name(const testing::TestParamInfo<WireCase>& info) {
    return info.param.name;
}

// The places to split `size` bytes at: all of them, or both ends of what is too long for that.
inline std::vector<std::size_t> split_places(std::size_t size) {
    std::vector<std::size_t> places;
    for (std::size_t at = 1; at < size; ++at) {
        if (size <= 600 || at < 40 || at + 40 > size) places.push_back(at);
    }
    return places;
}

// The outcome of `wire` in one piece, after it was found to be the same however it is split.
inline std::unique_ptr<Conversation> converse(std::string_view wire, const http::Limits& limits,
                                              Answers answers = Answers::after_body) {
    auto whole = std::make_unique<Conversation>(limits, answers);
    whole->present(wire);
    EXPECT_EQ(whole->broken(), "");
    for (const std::size_t at : split_places(wire.size())) {
        Conversation split(limits, answers);
        split.present(wire.substr(0, at));
        split.present(wire.substr(at));
        EXPECT_EQ(split.broken(), "") << "split at " << at;
        EXPECT_EQ(split.text(), whole->text()) << "split at " << at;
        EXPECT_EQ(split.pending(), whole->pending()) << "split at " << at;
    }
    if (wire.size() <= 4096) {
        Conversation bytes(limits, answers);
        bytes.present_in_bytes(wire);
        EXPECT_EQ(bytes.broken(), "");
        EXPECT_EQ(bytes.text(), whole->text());
    }
    return whole;
}

// A head that is refused or accepted.
inline void expect_head_case(const WireCase& row, const http::Limits& limits = {}) {
    const auto seen = converse(row.wire, limits);
    EXPECT_EQ(seen->refused(), row.status) << seen->text();
    EXPECT_EQ(seen->heads(), row.status == kAccepted ? 1 : 0) << seen->text();
    EXPECT_EQ(seen->bodies(), row.status == kAccepted ? 1 : 0) << seen->text();
    EXPECT_EQ(seen->pending(), "");
}

// A body that is refused after its head was accepted, or accepted too.
inline void expect_body_case(const WireCase& row, const http::Limits& limits = {}) {
    const auto seen = converse(row.wire, limits);
    EXPECT_EQ(seen->refused(), row.status) << seen->text();
    EXPECT_EQ(seen->heads(), 1) << seen->text();
    EXPECT_EQ(seen->bodies(), row.status == kAccepted ? 1 : 0) << seen->text();
    EXPECT_EQ(seen->pending(), "");
}

}  // namespace mew::http1
