// SCGI: the netstring, its variables, the answer; split at every byte.
#include "gateway/scgi_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/testing/packets.h"
#include "http/testing/conversation.h"
#include "http/testing/splits.h"

namespace mew::gateway {
namespace {

using http::Answers;
using http::Conversation;
using http::Limits;

std::unique_ptr<http::Codec> make_scgi(const Limits& limits) {
    return std::make_unique<ScgiCodec>(limits);
}

std::unique_ptr<Conversation> converse(std::string_view wire, const Limits& limits = {},
                                       Answers answers = Answers::after_body) {
    return http::converse_split(
        [&] { return std::make_unique<Conversation>(make_scgi, limits, answers); }, wire);
}

TEST(Scgi, RequestWithoutABody) {
    const auto seen = converse(scgi_packet(plain_get()));
    EXPECT_EQ(seen->heads(), 1) << seen->text();
    EXPECT_EQ(seen->bodies(), 1);
    EXPECT_THAT(seen->text(), testing::HasSubstr("method[GET] target[/hel%6Co?a=1&b=%20x]"));
    EXPECT_THAT(seen->text(), testing::Not(testing::HasSubstr("SCGI")));
    EXPECT_EQ(seen->sent(), "Status: 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

TEST(Scgi, RequestWithABody) {
    for (const Answers answers :
         {Answers::after_body, Answers::after_head, Answers::inside_callback, Answers::never}) {
        const auto seen = converse(scgi_packet(plain_post(5)) + "hello", {}, answers);
        EXPECT_EQ(seen->body(), "hello");
        EXPECT_EQ(seen->bodies(), 1);
    }
}

TEST(Scgi, CutBodyIsNeverComplete) {
    EXPECT_EQ(converse(scgi_packet(plain_post(5)) + "hell")->bodies(), 0);
}

TEST(Scgi, OneRequestAConnection) {
    const auto seen = converse(scgi_packet(plain_get()) + scgi_packet(plain_get()));
    EXPECT_EQ(seen->heads(), 1);
    EXPECT_EQ(seen->pending(), "");
}

struct RefusedCase {
    const char* name;
    std::string wire;
    const char* reason;
    int status = 400;
};
std::ostream& operator<<(std::ostream& out, const RefusedCase& row) { return out << row.name; }

class ScgiRefused : public testing::TestWithParam<RefusedCase> {};

TEST_P(ScgiRefused, BeforeAnyApp) {
    const auto seen = converse(GetParam().wire + scgi_packet(plain_get()));
    EXPECT_EQ(seen->refused(), GetParam().status) << seen->text();
    EXPECT_EQ(seen->heads(), 0);
    EXPECT_EQ(seen->pending(), "");
    EXPECT_THAT(seen->text(), testing::HasSubstr(GetParam().reason));
}

const Pairs kFirst = {{"CONTENT_LENGTH", "0"}, {"SCGI", "1"}, {"REQUEST_METHOD", "GET"}};

INSTANTIATE_TEST_SUITE_P(
    All, ScgiRefused,
    testing::Values(
        RefusedCase{"http", "GET / HTTP/1.1\r\n\r\n", "use http-socket"},
        RefusedCase{"tls", "\x16\x03\x01", "TLS was spoken"},
        RefusedCase{"letters", "Ab", "its size and a colon"},
        RefusedCase{"control", "\x16\x01", "its size and a colon"},
        RefusedCase{"no_digits", ":x,", "its size and a colon"},
        RefusedCase{"no_colon", "12;", "its size and a colon"},
        RefusedCase{"sign", "+12:", "its size and a colon"},
        RefusedCase{"zero_first", "012:", "its size and a colon"},
        RefusedCase{"nothing", "0:,", "its size and a colon"},
        RefusedCase{"ten_digits", "1234567890:", "its size and a colon"},
        RefusedCase{"huge", "999999999:", "larger than buffer-size", 431},
        RefusedCase{
            "no_comma",
            std::to_string(scgi_variables(kFirst).size()) + ":" + scgi_variables(kFirst) + ";",
            "end with a comma"},
        RefusedCase{"no_nul", netstring("CONTENT_LENGTH"), "names and values"},
        RefusedCase{"no_value", netstring(std::string("CONTENT_LENGTH\0", 15)), "names and values"},
        RefusedCase{"cut_value", netstring(scgi_variables(kFirst) + std::string("A\0b", 3)),
                    "names and values"},
        RefusedCase{"length_not_first",
                    netstring(scgi_variables({{"SCGI", "1"}, {"CONTENT_LENGTH", "0"}})),
                    "start with CONTENT_LENGTH"},
        RefusedCase{"length_empty",
                    netstring(scgi_variables({{"CONTENT_LENGTH", ""}, {"SCGI", "1"}})),
                    "start with CONTENT_LENGTH"},
        RefusedCase{"no_scgi", netstring(scgi_variables(without(kFirst, "SCGI"))), "SCGI = 1"},
        RefusedCase{"scgi_2", netstring(scgi_variables(with(kFirst, "SCGI", "2"))), "not 1"},
        RefusedCase{"no_method", netstring(scgi_variables(without(kFirst, "REQUEST_METHOD"))),
                    "REQUEST_METHOD"},
        RefusedCase{"empty_name", netstring(scgi_variables(and_also(kFirst, {{"", "x"}}))),
                    "no name"},
        RefusedCase{"length_not_a_number",
                    netstring(scgi_variables(with(kFirst, "CONTENT_LENGTH", "-1"))),
                    "CONTENT_LENGTH"}),
    row_name);

TEST(Scgi, LimitOnTheHead) {
    const std::string content = scgi_variables(kFirst);
    Limits limits;
    limits.head_bytes = static_cast<std::uint32_t>(content.size());
    EXPECT_EQ(converse(netstring(content), limits)->heads(), 1);
    --limits.head_bytes;
    EXPECT_EQ(converse(netstring(content), limits)->refused(), 431);
    EXPECT_EQ(converse(std::to_string(content.size()) + ":", limits)->refused(), 431) << "at once";
}

TEST(Scgi, TellsASlowHeadFromAnIdleConnection) {
    Conversation slow(make_scgi, {});
    EXPECT_FALSE(slow.codec().inside_head());
    slow.present("1");
    EXPECT_TRUE(slow.codec().inside_head());
}

TEST(ScgiAnswer, IsACgiHead) {
    Conversation conversation(make_scgi, {}, Answers::never);
    conversation.present(scgi_packet(plain_get()));
    http::ResponseHead head;
    head.status = 404;
    head.headers = {{"X-A", "b"}};
    ASSERT_TRUE(head.check());
    std::string out;
    const http::BodyPlan plan = conversation.codec().encode_head(1, head, false, out);
    EXPECT_EQ(out, "Status: 404 Not Found\r\nX-A: b\r\n\r\n");
    EXPECT_TRUE(plan.closes);
    EXPECT_TRUE(plan.ends_by_close);
}

TEST(ScgiAnswer, HttpIsAnsweredInHttp) {
    Conversation conversation(make_scgi, {});
    conversation.present("GET / HTTP/1.1\r\n\r\n");
    http::ResponseHead head;
    head.status = 400;
    head.implied_length = 2;
    std::string out;
    conversation.codec().encode_head(0, head, true, out);
    EXPECT_EQ(out, "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n");
}

}  // namespace
}  // namespace mew::gateway
