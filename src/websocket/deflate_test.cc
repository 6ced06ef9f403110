#include "websocket/deflate.h"

#include <string>

#include <gtest/gtest.h>

namespace mew::websocket {
namespace {

using Outcome = Inflated::Outcome;

constexpr std::size_t kMost = std::size_t{1} << 20;

std::string noise(std::size_t size) {
    std::string text(size, '\0');
    std::uint32_t state = 1;
    for (char& c : text) {
        state = state * 1664525 + 1013904223;
        c = static_cast<char>(state >> 24);
    }
    return text;
}

// RFC 7692 7.2.3.
TEST(Deflate, inflates_the_examples_of_the_rfc) {
    const std::string hello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);
    EXPECT_EQ(inflate_message(hello, kMost).message, "Hello");
    const std::string stored("\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11);
    EXPECT_EQ(inflate_message(stored, kMost).message, "Hello");
    const std::string last_block("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8);
    EXPECT_EQ(inflate_message(last_block, kMost).message, "Hello");
    const std::string two_blocks("\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13);
    EXPECT_EQ(inflate_message(two_blocks, kMost).message, "Hello");
    EXPECT_EQ(inflate_message(std::string(1, '\0'), kMost).message, "");
}

TEST(Deflate, what_is_deflated_inflates_again) {
    for (const int bits : {15, 9, 12, 15}) {
        for (const std::size_t size : {10, 1000, 16384, 16385, 500000}) {
            const std::string message(size, 'x');
            const std::string shorter(deflate_message(message, bits));
            ASSERT_FALSE(shorter.empty()) << size;
            ASSERT_LT(shorter.size(), message.size());
            const Inflated back = inflate_message(shorter, kMost);
            ASSERT_EQ(back.outcome, Outcome::done);
            ASSERT_EQ(back.message, message) << size << " " << bits;
        }
    }
}

TEST(Deflate, noise_is_left_alone) {
    EXPECT_EQ(deflate_message(noise(5000), 15), "");
    EXPECT_EQ(deflate_message("", 15), "");
}

TEST(Deflate, nothing_is_inflated_beyond_the_limit) {
    const std::string message(1000, 'x');
    const std::string shorter(deflate_message(message, 15));
    EXPECT_EQ(inflate_message(shorter, 1000).message, message);
    EXPECT_EQ(inflate_message(shorter, 999).outcome, Outcome::too_large);
    EXPECT_EQ(inflate_message(shorter, 0).outcome, Outcome::too_large);
    // 50 MB of zeros in 50 KB.
    std::string zeros;
    zeros.resize(50'000'000);
    const std::string bomb(deflate_message(zeros, 15));
    EXPECT_EQ(inflate_message(bomb, kMost).outcome, Outcome::too_large);
    trim_deflate_memory();
}

TEST(Deflate, what_is_no_deflate_is_malformed) {
    EXPECT_EQ(inflate_message("\xff\xff\xff", kMost).outcome, Outcome::malformed);
    const std::string shorter(deflate_message(std::string(300, 'x') + "abcdefgh", 15));
    const std::string cut = shorter.substr(0, shorter.size() / 2);
    EXPECT_EQ(inflate_message(cut, kMost).outcome, Outcome::malformed);
    EXPECT_EQ(inflate_message("", kMost).outcome, Outcome::malformed) << "the tail is no message";
    // Another message is not hurt by it.
    EXPECT_EQ(inflate_message(shorter, kMost).outcome, Outcome::done);
}

}  // namespace
}  // namespace mew::websocket
