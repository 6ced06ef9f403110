#include "python/body_window.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::python {
namespace {

// Gives pieces in memory that it uses again for the next one, then the end or a failure.
class Pieces final : public http::BodySource {
public:
    explicit Pieces(std::vector<std::string> pieces, bool breaks = false)
        : pieces_(std::move(pieces)), breaks_(breaks) {}

    bool ready() override { return true; }
    bool at_end() override { return next_ == pieces_.size(); }
    base::Result<std::string_view, http::BodyFailure> read() override {
        ++reads;
        lent_.assign(lent_.size(), '#');
        if (next_ < pieces_.size()) {
            lent_ = pieces_[next_++];
            return std::string_view(lent_);
        }
        if (breaks_) return base::Unexpected<http::BodyFailure>{{400, "it broke"}};
        return std::string_view();
    }

    int reads = 0;

private:
    std::vector<std::string> pieces_;
    bool breaks_;
    std::size_t next_ = 0;
    std::string lent_;
};

std::string read(BodyWindow& window, std::size_t size) {
    while (window.ahead().size() < size && !window.complete() && window.pull()) {
    }
    std::string taken(window.ahead().substr(0, size));
    window.consume(taken.size());
    return taken;
}

TEST(BodyWindow, NoBody) {
    BodyWindow window(nullptr, std::nullopt, 0);
    EXPECT_TRUE(window.complete());
    EXPECT_TRUE(window.seekable());
    EXPECT_TRUE(window.pull());
    EXPECT_EQ(read(window, 5), "");
}

TEST(BodyWindow, AKnownSizeIsCompleteWithoutAskingAgain) {
    Pieces source({"hello"});
    BodyWindow window(&source, 5, 10);
    EXPECT_FALSE(window.complete());
    EXPECT_EQ(read(window, 5), "hello");
    EXPECT_TRUE(window.complete());
    EXPECT_EQ(source.reads, 1);
    window.move_to(1);
    EXPECT_EQ(read(window, 9), "ello");
    EXPECT_EQ(source.reads, 1) << "what was lent would be gone";
}

TEST(BodyWindow, SmallBodiesAreKeptWhole) {
    Pieces source({"abc", "def", "ghi"});
    BodyWindow window(&source, 9, 9);
    EXPECT_TRUE(window.seekable());
    EXPECT_EQ(read(window, 4), "abcd");
    EXPECT_EQ(window.position(), 4U);
    EXPECT_EQ(window.ahead(), "ef");
    window.move_to(0);
    EXPECT_EQ(read(window, 9), "abcdefghi");
    EXPECT_TRUE(window.seekable());
    window.move_to(7);
    EXPECT_EQ(read(window, 9), "hi");
}

TEST(BodyWindow, LargeOnesAreNot) {
    Pieces source({"abc", "def", "ghi", "j"});
    BodyWindow window(&source, 10, 9);
    EXPECT_FALSE(window.seekable());
    std::string all;
    for (std::string one; !(one = read(window, 2)).empty();) {
        all += one;
        EXPECT_FALSE(window.seekable());
        EXPECT_EQ(window.position(), all.size());
    }
    EXPECT_EQ(all, "abcdefghij");
    EXPECT_EQ(window.position(), 10U);
}

TEST(BodyWindow, AnUnknownSizeIsSeekableOnceItIsKnown) {
    Pieces source({"abc", "def"});
    BodyWindow window(&source, std::nullopt, 6);
    EXPECT_FALSE(window.seekable());
    EXPECT_EQ(read(window, 5), "abcde");
    EXPECT_FALSE(window.seekable()) << "more may come";
    EXPECT_EQ(read(window, 5), "f");
    EXPECT_TRUE(window.complete());
    EXPECT_TRUE(window.seekable());
    window.move_to(2);
    EXPECT_EQ(read(window, 5), "cdef");
}

TEST(BodyWindow, AnUnknownSizeBeyondTheBound) {
    Pieces source({"abc", "defg"});
    BodyWindow window(&source, std::nullopt, 6);
    EXPECT_EQ(read(window, 99), "abcdefg");
    EXPECT_TRUE(window.complete());
    EXPECT_FALSE(window.seekable());
}

TEST(BodyWindow, FailsForEver) {
    Pieces source({"abc", "def"}, true);
    BodyWindow window(&source, 9, 99);
    EXPECT_EQ(read(window, 4), "abcd");
    EXPECT_FALSE(window.failure());
    EXPECT_EQ(read(window, 9), "ef");
    ASSERT_TRUE(window.failure());
    EXPECT_EQ(window.failure()->reason, "it broke");
    EXPECT_FALSE(window.complete());
    const int reads = source.reads;
    EXPECT_FALSE(window.pull());
    EXPECT_EQ(source.reads, reads);
}

TEST(BodyWindow, WhatWasNotReadIsGoneWithTheExchange) {
    Pieces source({"abc", "def"});
    BodyWindow window(&source, 6, 99);
    EXPECT_EQ(read(window, 2), "ab");
    window.end();
    EXPECT_EQ(window.ahead(), "");
    EXPECT_FALSE(window.pull());
    ASSERT_TRUE(window.failure());
    EXPECT_EQ(window.failure()->reason, "its request is over");
    EXPECT_EQ(window.position(), 2U);
}

TEST(BodyWindow, WhatWasReadWholeStaysComplete) {
    Pieces source({"abc"});
    BodyWindow window(&source, 3, 99);
    EXPECT_EQ(read(window, 9), "abc");
    window.end();
    EXPECT_FALSE(window.failure());
    EXPECT_TRUE(window.pull());
    EXPECT_EQ(read(window, 9), "");
    EXPECT_FALSE(window.seekable()) << "it is no longer there";
}

}  // namespace
}  // namespace mew::python
