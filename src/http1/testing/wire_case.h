#pragma once
// One row of the codec's rule tables: bytes of a request and what must become of them. Shared by
// the test files of this folder; see http-rules in the design for the numbers in the names.

#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "http/testing/splits.h"
#include "http1/testing/conversation.h"

namespace mew::http1 {

using http::split_places;

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

// The outcome of `wire` in one piece, after it was found to be the same however it is split.
inline std::unique_ptr<Conversation> converse(std::string_view wire, const http::Limits& limits,
                                              Answers answers = Answers::after_body) {
    return http::converse_split([&] { return std::make_unique<Conversation>(limits, answers); },
                                wire);
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
