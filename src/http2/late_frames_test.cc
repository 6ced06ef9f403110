// Frames that come on streams which are not open (RFC 9113 5.1), and priorities that cannot be.
#include <gtest/gtest.h>

#include "http2/codec.h"
#include "http2/testing/client.h"

namespace mew::http2 {
namespace {

using http::StreamId;
using testing::Client;

class StoodClock final : public base::Clock {
public:
    base::MonotonicTime now() override { return base::MonotonicTime{std::chrono::hours(1)}; }
};

// A driver that answers each request at once, without a body.
class LateFramesTest : public ::testing::Test, protected http::StreamEvents {
protected:
    LateFramesTest() { receive(std::string(kPreface) + Client::frame(NGHTTP2_SETTINGS, 0, 0, "")); }

    void on_head(StreamId stream, http::RequestHead&) override { heads.push_back(stream); }
    void on_body(StreamId, std::string_view) override {}
    void on_body_end(StreamId stream) override { ended.push_back(stream); }
    void on_refusal(StreamId, const http::Refusal&) override {}
    void on_stream_end(StreamId, bool) override {}

    void receive(const std::string& bytes) {
        (void)codec.decode(bytes, *this);
        for (const StreamId stream : std::exchange(ended, {})) {
            http::ResponseHead answer;
            answer.status = 204;
            std::string out;
            codec.encode_head(stream, answer, false, out);
            codec.encode_end(stream, out);
        }
        std::string out;
        codec.encode_pending(1U << 20, out, *this);
        sent += out;
    }
    static std::string get(StreamId stream, bool ends = true) {
        return Client::frame(NGHTTP2_HEADERS,
                             static_cast<std::uint8_t>(NGHTTP2_FLAG_END_HEADERS |
                                                       (ends ? NGHTTP2_FLAG_END_STREAM : 0)),
                             stream, std::string("\x82\x86\x84\x41\x01x", 6));
    }
    static std::string data(StreamId stream) { return Client::frame(NGHTTP2_DATA, 0, stream, "x"); }
    static std::string priority(StreamId stream, char depends_on) {
        return Client::frame(NGHTTP2_PRIORITY, 0, stream, std::string({0, 0, 0, depends_on, 16}));
    }
    // The error of the GOAWAY that ends what was sent; -1: there is none.
    int goaway() const {
        if (codec.fault().empty() || sent.size() < 17) return -1;
        return static_cast<unsigned char>(sent.back());
    }

    StoodClock clock;
    http::Limits limits;
    Settings settings;
    Codec codec{limits, settings, clock};
    std::vector<StreamId> heads;
    std::vector<StreamId> ended;
    std::string sent;
};

TEST_F(LateFramesTest, DataOnAStreamThatItsPeerEnded) {
    receive(get(1));
    receive(data(1));
    EXPECT_EQ(goaway(), NGHTTP2_STREAM_CLOSED);
}

TEST_F(LateFramesTest, AHeadOnAStreamThatItsPeerEnded) {
    receive(get(1));
    receive(get(1));
    EXPECT_EQ(goaway(), NGHTTP2_STREAM_CLOSED);
    EXPECT_EQ(heads.size(), 1U);
}

TEST_F(LateFramesTest, AStreamThatItsPeerReset) {
    receive(get(1, false) + Client::frame(NGHTTP2_RST_STREAM, 0, 1, std::string({0, 0, 0, 8})));
    receive(data(1));
    EXPECT_EQ(goaway(), NGHTTP2_STREAM_CLOSED);
}

TEST_F(LateFramesTest, AStreamMayBeResetForEachFrameThatComesOnIt) {
    const std::string reset =
        Client::frame(NGHTTP2_RST_STREAM, 0, 1, std::string({0, 0, 0, NGHTTP2_STREAM_CLOSED}));
    receive(get(1, false) + reset);
    for (int i = 0; i < 500; ++i) receive(reset);
    EXPECT_EQ(goaway(), -1);
}

TEST_F(LateFramesTest, AStreamThatWeResetMayGoOn) {
    receive(get(1, false));
    codec.cancel(1);
    receive(data(1) + Client::frame(NGHTTP2_HEADERS, 5, 1, std::string("\x00\x01t\x01v", 5)));
    EXPECT_EQ(goaway(), -1);
    receive(get(3));
    EXPECT_EQ(heads.size(), 2U);
}

TEST_F(LateFramesTest, AStreamThatWasGoneBy) {
    receive(get(5));
    receive(get(3));
    EXPECT_EQ(goaway(), NGHTTP2_PROTOCOL_ERROR);
    EXPECT_EQ(heads.size(), 1U);
}

TEST_F(LateFramesTest, StreamsThatClosedLongAgoAreForgotten) {
    for (StreamId stream = 1; stream < 600; stream += 2) receive(get(stream));
    receive(get(1) + data(3));
    EXPECT_EQ(goaway(), -1);
    receive(data(599));
    EXPECT_EQ(goaway(), NGHTTP2_STREAM_CLOSED);
}

TEST_F(LateFramesTest, PrioritiesOfNoStreamAndOfItself) {
    receive(priority(7, 9) + priority(7, 0) + get(1));
    EXPECT_EQ(goaway(), -1);
    receive(priority(7, 7));
    EXPECT_EQ(goaway(), NGHTTP2_PROTOCOL_ERROR);
    Codec another{limits, settings, clock};
    (void)another.decode(
        std::string(kPreface) + Client::frame(NGHTTP2_SETTINGS, 0, 0, "") + priority(0, 9), *this);
    EXPECT_FALSE(another.fault().empty());
}

TEST_F(LateFramesTest, PriorityIsSeenWhereverTheBytesWereCut) {
    const std::string bytes = get(1, false) + data(1) + priority(7, 7);
    for (const char byte : bytes) {
        EXPECT_EQ(goaway(), -1);
        receive(std::string(1, byte));
        if (!codec.fault().empty()) break;
    }
    EXPECT_EQ(goaway(), NGHTTP2_PROTOCOL_ERROR);
}

TEST_F(LateFramesTest, OnlyTheFirstResetOfAStreamIsOne) {
    const std::string reset = Client::frame(NGHTTP2_RST_STREAM, 0, 1, std::string({0, 0, 0, 5}));
    receive(get(1, false));
    for (int i = 0; i < 600 && codec.fault().empty(); ++i) receive(reset);
    EXPECT_EQ(goaway(), -1);
}

TEST_F(LateFramesTest, WhatIsAFloodToNghttp2EndsWithGoaway) {
    std::string bytes;
    for (int i = 0; i < 3000; ++i) bytes += Client::frame(NGHTTP2_PING, 0, 0, "12345678");
    receive(bytes);
    EXPECT_EQ(goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(LateFramesTest, DataOfNothingButPaddingIsCounted) {
    receive(get(1, false));
    for (int i = 0; i < 3000 && codec.fault().empty(); ++i)
        receive(Client::frame(NGHTTP2_DATA, NGHTTP2_FLAG_PADDED, 1, std::string({2, 0, 0})));
    EXPECT_EQ(goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
}

}  // namespace
}  // namespace mew::http2
