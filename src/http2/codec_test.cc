// The codec against a client of nghttp2's, and against raw frames.
#include "http2/codec.h"

#include <gtest/gtest.h>

#include "http2/testing/client.h"

namespace mew::http2 {
namespace {

using http::StreamId;
using testing::Answer;
using testing::Client;
using testing::Fields;

class StoodClock final : public base::Clock {
public:
    base::MonotonicTime now() override { return at; }
    base::MonotonicTime at{std::chrono::hours(1)};
};

// A driver that notes what it hears.
class CodecTest : public ::testing::Test, protected http::StreamEvents {
protected:
    struct Request {
        std::string method, path, authority, fields, body;
        bool ended = false;
        bool gone = false;
        bool complete = false;
        int refused = 0;
    };

    void on_head(StreamId stream, http::RequestHead& head) override {
        Request& request = requests[stream];
        request.method = head.method();
        request.path = head.path();
        request.authority = head.authority();
        for (const http::FieldSlices& field : head.fields())
            request.fields.append(head.name(field))
                .append("=")
                .append(head.value(field))
                .append(";");
    }
    void on_body(StreamId stream, std::string_view piece) override {
        requests[stream].body += piece;
        if (consumes) codec.consume(stream, piece.size());
    }
    void on_body_end(StreamId stream) override { requests[stream].ended = true; }
    void on_refusal(StreamId stream, const http::Refusal& refusal) override {
        requests[stream].refused = refusal.status;
    }
    void on_stream_end(StreamId stream, bool complete) override {
        requests[stream].gone = true;
        requests[stream].complete = complete;
    }

    std::string pending(std::size_t most = 1U << 20) {
        std::string out;
        codec.encode_pending(most, out, *this);
        return out;
    }
    // Until neither has anything to say.
    void talk() {
        for (;;) {
            const std::string there = client.take();
            if (!there.empty()) {
                EXPECT_EQ(codec.decode(there, *this), there.size());
            }
            const std::string back = pending();
            if (!back.empty()) {
                EXPECT_TRUE(client.give(back));
            }
            if (there.empty() && back.empty()) return;
        }
    }
    void put(StreamId stream, std::string_view body) {
        std::string out;
        codec.encode_body_prefix(stream, body.size(), out);
        out += body;
        codec.encode_body_suffix(stream, out);
        EXPECT_TRUE(out.empty());
    }
    http::BodyPlan head(StreamId stream, int status, std::vector<http::Header> headers = {}) {
        http::ResponseHead answer;
        answer.status = status;
        answer.headers = std::move(headers);
        EXPECT_TRUE(answer.check());
        std::string out;
        return codec.encode_head(stream, answer, false, out);
    }
    void answer(StreamId stream, std::string_view body) {
        std::string out;
        head(stream, 200);
        put(stream, body);
        codec.encode_end(stream, out);
    }

    http::Limits limits;
    Settings settings;
    StoodClock clock;
    Codec codec{limits, settings, clock};
    Client client;
    std::map<StreamId, Request> requests;
    bool consumes = true;
};

TEST_F(CodecTest, CarriesARequestAndItsAnswer) {
    const auto stream = static_cast<StreamId>(client.request({{":method", "POST"},
                                                              {":scheme", "http"},
                                                              {":authority", "cats.example"},
                                                              {":path", "/cat?size=9"},
                                                              {"x-one", "1"},
                                                              {"cookie", "a=1"},
                                                              {"cookie", "b=2"}},
                                                             "a body"));
    talk();
    const Request& request = requests[stream];
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/cat");
    EXPECT_EQ(request.authority, "cats.example");
    EXPECT_EQ(request.fields, "host=cats.example;x-one=1;cookie=a=1; b=2;");
    EXPECT_EQ(request.body, "a body");
    EXPECT_TRUE(request.ended);
    std::string out;
    head(stream, 201, {{"X-Cat", "tabby"}});
    put(stream, "miaow");
    codec.encode_end(stream, out);
    talk();
    const Answer& got = client.answer(static_cast<int>(stream));
    EXPECT_EQ(got.status, 201);
    EXPECT_EQ(got.body, "miaow");
    EXPECT_TRUE(got.complete);
    EXPECT_EQ(got.fields.front(), (std::pair<std::string, std::string>("x-cat", "tabby")));
    EXPECT_TRUE(requests[stream].complete);
}

TEST_F(CodecTest, ManyStreamsGoOnSideBySide) {
    std::vector<StreamId> streams;
    streams.reserve(50);
    for (int i = 0; i < 50; ++i)
        streams.push_back(static_cast<StreamId>(client.get("/" + std::to_string(i))));
    talk();
    for (auto one = streams.rbegin(); one != streams.rend(); ++one)
        answer(*one, requests[*one].path);
    talk();
    for (const StreamId stream : streams) {
        EXPECT_EQ(client.answer(static_cast<int>(stream)).body, requests[stream].path);
        EXPECT_TRUE(requests[stream].complete);
    }
}

TEST_F(CodecTest, AnAnswerWithoutBodyEndsWithItsHead) {
    const auto none = static_cast<StreamId>(client.get("/none"));
    const auto of_head = static_cast<StreamId>(client.request(
        {{":method", "HEAD"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}}));
    talk();
    EXPECT_FALSE(head(none, 204).has_body);
    EXPECT_FALSE(head(of_head, 200).has_body);
    talk();
    EXPECT_TRUE(client.answer(static_cast<int>(none)).complete);
    EXPECT_TRUE(client.answer(static_cast<int>(of_head)).complete);
    EXPECT_TRUE(requests[none].complete);
}

TEST_F(CodecTest, AnAnswerWaitsForCreditAndItsDriverForRoom) {
    const auto stream = static_cast<StreamId>(client.get("/"));
    talk();
    head(stream, 200);
    ASSERT_EQ(codec.room(stream), 65536U);
    put(stream, std::string(65536, 'a'));
    EXPECT_EQ(codec.room(stream), 0U);
    // The client's window is a byte short of that.
    const std::string sent = pending();
    EXPECT_EQ(codec.unsent(stream), 1U);
    EXPECT_TRUE(client.give(sent));
    talk();
    EXPECT_EQ(codec.unsent(stream), 0U);
}

TEST_F(CodecTest, ABodyThatNobodyConsumesHoldsItsOwnStreamOnly) {
    consumes = false;
    const std::string body(settings.stream_window + 1000, 'b');
    const Fields post{
        {":method", "POST"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}};
    const auto held = static_cast<StreamId>(client.request(post, body));
    talk();
    EXPECT_EQ(requests[held].body.size(), settings.stream_window);
    EXPECT_FALSE(requests[held].ended);
    const auto other = static_cast<StreamId>(client.request(post, "small"));
    talk();
    EXPECT_EQ(requests[other].body, "small");
    EXPECT_TRUE(requests[other].ended);
    codec.consume(held, settings.stream_window);
    talk();
    EXPECT_TRUE(requests[held].ended);
}

TEST_F(CodecTest, AnEarlyAnswerAsksForNoMoreBody) {
    consumes = false;
    const std::string body(std::size_t{settings.stream_window} * 2, 'b');
    const Fields post{
        {":method", "POST"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}};
    const auto stream = static_cast<StreamId>(client.request(post, body));
    talk();
    answer(stream, "enough");
    talk();
    const Answer& got = client.answer(static_cast<int>(stream));
    EXPECT_EQ(got.body, "enough");
    EXPECT_TRUE(got.closed);
    EXPECT_EQ(got.error, static_cast<std::uint32_t>(NGHTTP2_NO_ERROR));
    EXPECT_TRUE(requests[stream].complete);
}

TEST_F(CodecTest, TheClientIsToldToGoOnAndGivenHints) {
    const auto stream = static_cast<StreamId>(client.request({{":method", "POST"},
                                                              {":scheme", "http"},
                                                              {":authority", "x"},
                                                              {":path", "/"},
                                                              {"expect", "100-continue"}},
                                                             "body"));
    talk();
    std::string out;
    codec.encode_continue(stream, out);
    http::ResponseHead hints;
    hints.headers.push_back({"Link", "</a.css>; rel=preload"});
    codec.encode_early_hints(stream, hints, out);
    answer(stream, "done");
    talk();
    EXPECT_EQ(client.answer(static_cast<int>(stream)).interim, (std::vector<int>{100, 103}));
    EXPECT_EQ(client.answer(static_cast<int>(stream)).status, 200);
}

TEST_F(CodecTest, ABrokenAnswerIsAReset) {
    const auto stream = static_cast<StreamId>(client.get("/"));
    talk();
    std::string out;
    head(stream, 200);
    put(stream, "half of i");
    EXPECT_FALSE(codec.encode_abort(stream, out));
    talk();
    const Answer& got = client.answer(static_cast<int>(stream));
    EXPECT_FALSE(got.complete);
    EXPECT_EQ(got.error, static_cast<std::uint32_t>(NGHTTP2_INTERNAL_ERROR));
    EXPECT_FALSE(requests[stream].complete);
    EXPECT_FALSE(codec.over());
}

TEST_F(CodecTest, MalformedRequestsEndTheirStreamAndReachNobody) {
    const Fields bad[] = {
        {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/a b"}},
        {{":method", "GET"},
         {":scheme", "http"},
         {":path", "/"},
         {"host", "x"},
         {"connection", "close"}},
        {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}},
        {{":method", "GET"},
         {":scheme", "http"},
         {":authority", "x"},
         {":path", "/"},
         {"te", "gzip"}},
        {{":method", "GET"},
         {":scheme", "http"},
         {":authority", "x"},
         {":path", "/"},
         {"content-length", "5"}},
    };
    for (const Fields& fields : bad) {
        const auto stream = static_cast<StreamId>(client.request(fields));
        talk();
        EXPECT_TRUE(client.answer(static_cast<int>(stream)).closed);
        EXPECT_TRUE(requests[stream].method.empty());
    }
    EXPECT_FALSE(codec.over());
}

TEST_F(CodecTest, RequestsThatMayNotBeServedAreRefused) {
    struct Case {
        int status;
        Fields fields;
    };
    const std::string long_name(41000, 'n');
    const Case cases[] = {
        {400, {{":method", "GET"}, {":scheme", "ftp"}, {":authority", "x"}, {":path", "/"}}},
        {400, {{":method", "GET"}, {":scheme", "http"}, {":authority", "u@x"}, {":path", "/"}}},
        {400,
         {{":method", "GET"},
          {":scheme", "http"},
          {":authority", "x"},
          {":path", "/"},
          {"host", "y"}}},
        {501, {{":method", "CONNECT"}, {":authority", "x:1"}}},
        {501,
         {{":method", "CONNECT"},
          {":protocol", "connect-udp"},
          {":scheme", "https"},
          {":authority", "x"},
          {":path", "/"}}},
        {400,
         {{":method", "CONNECT"},
          {":protocol", "websocket"},
          {":scheme", "https"},
          {":authority", "x"},
          {":path", "/"},
          {"content-length", "0"}}},
        {417,
         {{":method", "POST"},
          {":scheme", "http"},
          {":authority", "x"},
          {":path", "/"},
          {"expect", "tea"}}},
        {431,
         {{":method", "GET"},
          {":scheme", "http"},
          {":authority", "x"},
          {":path", "/"},
          {"x", long_name}}},
    };
    for (const Case& one : cases) {
        const auto stream = static_cast<StreamId>(client.request(one.fields));
        talk();
        EXPECT_EQ(requests[stream].refused, one.status) << one.fields.back().second.substr(0, 20);
        EXPECT_TRUE(requests[stream].method.empty());
    }
}

// RFC 8441; a key that a client sends all the same is nobody's.
TEST_F(CodecTest, AConnectForAWebSocketIsAnUpgrade) {
    std::string keys;
    for (int i = 0; i < 2; ++i) {
        const auto stream = static_cast<StreamId>(client.open({{":method", "CONNECT"},
                                                               {":protocol", "websocket"},
                                                               {":scheme", "https"},
                                                               {":authority", "x"},
                                                               {":path", "/chat?a"},
                                                               {"sec-websocket-key", "its own"}}));
        talk();
        EXPECT_EQ(requests[stream].method, "GET");
        EXPECT_EQ(requests[stream].path, "/chat");
        EXPECT_FALSE(requests[stream].ended);
        std::string& fields = requests[stream].fields;
        const std::string start = "host=x;upgrade=websocket;connection=Upgrade;sec-websocket-key=";
        ASSERT_TRUE(fields.starts_with(start)) << fields;
        EXPECT_NE(fields.substr(start.size()), keys);
        keys = fields.substr(start.size());
        EXPECT_EQ(keys.size(), 25U) << keys;
    }
    EXPECT_FALSE(codec.over());
}

TEST_F(CodecTest, TrailersEndABodyAndAreNobodys) {
    // HEADERS, DATA, then HEADERS again; HPACK without its table.
    const auto stream = static_cast<StreamId>(client.request(
        {{":method", "POST"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}}, "abc"));
    ASSERT_EQ(stream, 1U);
    talk();
    EXPECT_TRUE(requests[stream].ended);
    const std::string begun = Client::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 3,
                                            std::string("\x83\x86\x84\x41\x01x", 6));
    EXPECT_EQ(codec.decode(begun, *this), begun.size());
    EXPECT_FALSE(requests[3].ended);
    const std::string trailers =
        Client::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, 3,
                      std::string("\x00\x03x-t\x01v", 7));
    EXPECT_EQ(codec.decode(trailers, *this), trailers.size());
    EXPECT_TRUE(requests[3].ended);
    EXPECT_EQ(requests[3].fields.find("x-t"), std::string::npos);
}

TEST_F(CodecTest, DrainingServesWhatIsInFlight) {
    const auto stream = static_cast<StreamId>(client.get("/"));
    talk();
    codec.drain(false);
    talk();
    EXPECT_TRUE(client.told_to_go());
    EXPECT_EQ(client.last_stream(), INT32_MAX);
    codec.drain(true);
    talk();
    EXPECT_EQ(client.last_stream(), static_cast<std::int32_t>(stream));
    EXPECT_FALSE(codec.over());
    answer(stream, "the last");
    talk();
    EXPECT_EQ(client.answer(static_cast<int>(stream)).body, "the last");
    EXPECT_TRUE(codec.over());
    EXPECT_TRUE(codec.fault().empty());
}

// --- floods

TEST_F(CodecTest, AFloodOfResetsEndsTheConnection) {
    talk();
    for (int i = 0; i < 1000 && codec.fault().empty(); ++i) {
        const auto stream = client.get("/");
        const std::string begun = client.take();
        (void)codec.decode(begun, *this);
        client.reset(stream);
        (void)codec.decode(client.take(), *this);
    }
    EXPECT_FALSE(codec.fault().empty());
    (void)client.give(pending());
    EXPECT_EQ(client.goaway_error(), static_cast<std::uint32_t>(NGHTTP2_ENHANCE_YOUR_CALM));
    EXPECT_TRUE(codec.over());
}

TEST_F(CodecTest, ResetsThatThePeerProvokesCountLikeItsOwn) {
    talk();
    for (std::uint32_t i = 0; i < 1000 && codec.fault().empty(); ++i) {
        const std::uint32_t stream = 1 + 2 * i;
        std::string bytes =
            Client::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM,
                          stream, std::string("\x82\x86\x84\x41\x01x", 6));
        // A window beyond 2^31-1 is the stream's error (RFC 9113 6.9.1).
        bytes +=
            Client::frame(NGHTTP2_WINDOW_UPDATE, 0, stream, std::string("\x7f\xff\xff\xff", 4));
        (void)codec.decode(bytes, *this);
        (void)pending();
    }
    EXPECT_FALSE(codec.fault().empty());
    EXPECT_LT(requests.size(), 900U);
}

TEST_F(CodecTest, AFloodOfControlFramesEndsTheConnection) {
    talk();
    const std::string ping = Client::frame(NGHTTP2_PING, 0, 0, std::string(8, 'p'));
    for (int i = 0; i < 5000 && codec.fault().empty(); ++i) {
        (void)codec.decode(ping, *this);
        (void)pending();
    }
    EXPECT_FALSE(codec.fault().empty());
}

TEST_F(CodecTest, TimeEarnsAllowanceAgain) {
    talk();
    const std::string ping = Client::frame(NGHTTP2_PING, 0, 0, std::string(8, 'p'));
    for (int i = 0; i < 5000; ++i) {
        clock.at += std::chrono::milliseconds(20);
        (void)codec.decode(ping, *this);
        (void)pending();
    }
    EXPECT_TRUE(codec.fault().empty()) << codec.fault();
}

TEST_F(CodecTest, AHeadFarBeyondTheLimitsIsAFlood) {
    talk();
    std::string block("\x82\x86\x84\x41\x01x", 6);
    block += std::string("\x40\x01n\x01v", 5);        // into the table
    for (int i = 0; i < 15000; ++i) block += '\xbe';  // and again, a byte each
    (void)codec.decode(Client::frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS, 1, block), *this);
    EXPECT_FALSE(codec.fault().empty());
    EXPECT_TRUE(requests[1].method.empty());
}

TEST_F(CodecTest, BytesThatAreNoHttp2EndIt) {
    EXPECT_EQ(codec.decode("GET / HTTP/1.1\r\nHost: x\r\n\r\n", *this), 27U);
    (void)pending();
    EXPECT_TRUE(codec.over());
    EXPECT_FALSE(codec.fault().empty());
}

}  // namespace
}  // namespace mew::http2
