// FastCGI: records, requests, the protocol's own questions, answers; split at every byte.
#include "gateway/fastcgi_codec.h"

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
using testing::HasSubstr;

std::unique_ptr<http::Codec> make_fastcgi(const Limits& limits) {
    return std::make_unique<FastcgiCodec>(limits);
}

std::unique_ptr<Conversation> converse(std::string_view wire, const Limits& limits = {},
                                       Answers answers = Answers::after_body) {
    return http::converse_split(
        [&] { return std::make_unique<Conversation>(make_fastcgi, limits, answers); }, wire);
}

TEST(Fastcgi, RequestWithoutABody) {
    const auto seen = converse(fastcgi_request(1, plain_get()));
    EXPECT_EQ(seen->heads(), 1) << seen->text();
    EXPECT_EQ(seen->bodies(), 1);
    EXPECT_THAT(seen->text(), HasSubstr("method[GET] target[/hel%6Co?a=1&b=%20x] path[/hello]"));
    EXPECT_THAT(seen->text(), HasSubstr("framing[0]"));
    EXPECT_EQ(fastcgi_text(seen->sent()),
              "out1[Status: 200 OK\r\nContent-Length: 2\r\n\r\n]out1[ok]out1[]end1[0]");
}

TEST(Fastcgi, RequestWithABody) {
    for (const Answers answers :
         {Answers::after_body, Answers::after_head, Answers::inside_callback, Answers::never}) {
        const auto seen = converse(fastcgi_request(258, plain_post(5), "hello"), {}, answers);
        EXPECT_EQ(seen->body(), "hello");
        EXPECT_EQ(seen->bodies(), 1);
        EXPECT_THAT(seen->text(), HasSubstr("framing[1]"));
    }
}

TEST(Fastcgi, BodyInSeveralRecords) {
    const auto seen = converse(fastcgi_begin(1) + fastcgi_params(1, plain_post(8)) +
                               fastcgi_record(5, 1, "one") + fastcgi_record(5, 1, "two", 255) +
                               fastcgi_record(5, 1, "33") + fastcgi_record(5, 1, "", 7));
    EXPECT_EQ(seen->body(), "onetwo33");
    EXPECT_EQ(seen->bodies(), 1);
}

TEST(Fastcgi, BodyOfUnknownLengthEndsWithItsInput) {
    const auto seen =
        converse(fastcgi_request(1, with(plain_get(), "REQUEST_METHOD", "POST"), "abc"));
    EXPECT_EQ(seen->body(), "abc");
    EXPECT_EQ(seen->bodies(), 1);
    EXPECT_THAT(seen->text(), HasSubstr("framing[2]"));
}

TEST(Fastcgi, VariablesOverManyRecords) {
    const std::string pairs =
        fastcgi_pairs(and_also(plain_get(), {{"HTTP_X", std::string(300, 'x')}}));
    std::string wire = fastcgi_begin(1);
    for (const char c : pairs) wire += fastcgi_record(4, 1, std::string(1, c));
    wire += fastcgi_record(4, 1, "") + fastcgi_input(1, "");
    Conversation seen(make_fastcgi, {});
    seen.present(wire);
    EXPECT_EQ(seen.bodies(), 1) << seen.text();
    EXPECT_THAT(seen.text(), HasSubstr("x[" + std::string(300, 'x') + "]"));
}

TEST(Fastcgi, CutBodyIsNeverComplete) {
    const std::string start = fastcgi_begin(1, true) + fastcgi_params(1, plain_post(5));
    EXPECT_EQ(converse(start + fastcgi_record(5, 1, "hello"))->bodies(), 0) << "no end of input";
    const auto shorter = converse(start + fastcgi_input(1, "hell"));
    EXPECT_EQ(shorter->bodies(), 0);
    EXPECT_EQ(shorter->refused(), 400);
    EXPECT_THAT(shorter->text(), HasSubstr("shorter than its CONTENT_LENGTH"));
    const auto longer = converse(start + fastcgi_input(1, "hello!"));
    EXPECT_EQ(longer->bodies(), 0);
    EXPECT_THAT(longer->text(), HasSubstr("longer than its CONTENT_LENGTH"));
    const auto aborted = converse(start + fastcgi_record(5, 1, "he") + fastcgi_record(2, 1, ""));
    EXPECT_EQ(aborted->bodies(), 0);
    EXPECT_THAT(aborted->text(), HasSubstr("aborted"));
}

TEST(Fastcgi, ConnectionIsKeptWhereAsked) {
    const std::string kept = fastcgi_request(1, plain_get(), "", true) +
                             fastcgi_request(1, plain_post(2), "ab", true) +
                             fastcgi_request(7, plain_get(), "", false);
    const auto seen = converse(kept + fastcgi_request(1, plain_get()));
    EXPECT_EQ(seen->heads(), 3);
    EXPECT_EQ(seen->bodies(), 3);
    EXPECT_THAT(fastcgi_text(seen->sent()), HasSubstr("end1[0]out1[Status"));
    EXPECT_THAT(fastcgi_text(seen->sent()), testing::EndsWith("end7[0]"));
}

TEST(Fastcgi, SecondRequestInsideTheFirst) {
    const std::string second = fastcgi_begin(2) + fastcgi_record(4, 2, "xx") +
                               fastcgi_record(5, 2, "yy") + fastcgi_record(2, 2, "");
    const std::string head = fastcgi_begin(1) + second + fastcgi_params(1, plain_post(5));
    const std::string before_the_body = head + second + fastcgi_input(1, "hello");
    const std::string inside_it =
        head + fastcgi_record(5, 1, "he") + second + fastcgi_input(1, "llo");
    for (const std::string& wire : {before_the_body, inside_it}) {
        const auto seen = converse(wire);
        EXPECT_EQ(fastcgi_text(seen->replies()), "end2[1]end2[1]");
        EXPECT_EQ(seen->bodies(), 1) << seen->text();
        EXPECT_EQ(seen->body(), "hello");
    }
}

TEST(Fastcgi, RequestsBehindOneAnotherWait) {
    Conversation seen(make_fastcgi, {}, Answers::never);
    const std::string second = fastcgi_request(2, plain_get());
    seen.present(fastcgi_request(1, plain_get(), "", true) + second);
    EXPECT_EQ(seen.heads(), 1);
    EXPECT_EQ(seen.pending(), second);
}

TEST(Fastcgi, OtherRolesAreDeclined) {
    const auto kept = converse(fastcgi_begin(1, true, 2) + fastcgi_record(4, 1, "x") +
                               fastcgi_request(2, plain_get(), "", true));
    EXPECT_EQ(fastcgi_text(kept->replies()), "end1[3]");
    EXPECT_EQ(kept->heads(), 1);
    const auto ended = converse(fastcgi_begin(1, false, 3) + fastcgi_request(2, plain_get()));
    EXPECT_TRUE(ended->ended());
    EXPECT_EQ(ended->heads(), 0);
}

TEST(Fastcgi, AbortBeforeTheHeadIsComplete) {
    const std::string start = fastcgi_record(4, 1, "xx") + fastcgi_record(2, 1, "");
    const auto kept = converse(fastcgi_begin(1, true) + start + fastcgi_request(1, plain_get()));
    EXPECT_EQ(fastcgi_text(kept->replies()), "end1[0]");
    EXPECT_EQ(kept->heads(), 1);
    EXPECT_TRUE(converse(fastcgi_begin(1) + start)->ended());
}

TEST(Fastcgi, AnswersWhatIsAskedAboutItself) {
    const std::string asked = fastcgi_record(
        9, 0, fastcgi_pairs({{"FCGI_MPXS_CONNS", ""}, {"OTHER", ""}, {"FCGI_MAX_CONNS", ""}}));
    const auto seen =
        converse(asked + fastcgi_record(77, 0, "??") + fastcgi_request(1, plain_get()));
    EXPECT_EQ(fastcgi_text(seen->replies()),
              "values0[" + fastcgi_pairs({{"FCGI_MAX_CONNS", "1024"}, {"FCGI_MPXS_CONNS", "0"}}) +
                  "]unknown0[77]");
    EXPECT_EQ(seen->heads(), 1);
    EXPECT_EQ(fastcgi_text(converse(fastcgi_record(9, 0, "\x7f"))->replies()), "values0[]");
}

TEST(Fastcgi, QuestionsInsideARequest) {
    const std::string asked = fastcgi_record(9, 0, fastcgi_pairs({{"FCGI_MAX_REQS", ""}}));
    const auto seen =
        converse(fastcgi_begin(1) + asked + fastcgi_record(4, 1, fastcgi_pairs(plain_post(2))) +
                 asked + fastcgi_record(4, 1, "") + asked + fastcgi_record(5, 1, "ab") + asked +
                 fastcgi_record(5, 1, ""));
    EXPECT_EQ(seen->bodies(), 1) << seen->text();
    EXPECT_EQ(seen->replies().size(), 4 * (8 + 2 + 13 + 4U));
}

TEST(Fastcgi, RecordsOfRequestsThatAreOverAreDropped) {
    const std::string stale = fastcgi_record(5, 1, "late") + fastcgi_record(2, 9, "");
    const auto seen = converse(fastcgi_request(1, plain_get(), "", true) + stale +
                               fastcgi_request(2, plain_get(), "", true) + stale);
    EXPECT_EQ(seen->heads(), 2);
    EXPECT_EQ(seen->replies(), "");
    EXPECT_EQ(seen->pending(), "");
}

TEST(Fastcgi, EarlyAnswerAndTheNextRequest) {
    const std::string unfinished = fastcgi_begin(1, true) + fastcgi_params(1, plain_post(99)) +
                                   fastcgi_record(5, 1, "some of it");
    for (const std::string& left : {std::string(), fastcgi_record(2, 1, "")}) {
        const auto seen = converse(unfinished + left + fastcgi_request(1, plain_get(), "", true),
                                   {}, Answers::inside_callback);
        EXPECT_EQ(seen->refused(), 0) << seen->text();
        EXPECT_EQ(seen->heads(), 2);
    }
}

struct RefusedCase {
    const char* name;
    std::string wire;
    const char* reason;
    int status = 400;
};
std::ostream& operator<<(std::ostream& out, const RefusedCase& row) { return out << row.name; }

class FastcgiRefused : public testing::TestWithParam<RefusedCase> {};

TEST_P(FastcgiRefused, BeforeAnyApp) {
    const auto seen = converse(GetParam().wire + fastcgi_request(1, plain_get()));
    EXPECT_EQ(seen->refused(), GetParam().status) << seen->text();
    EXPECT_EQ(seen->heads(), 0);
    EXPECT_EQ(seen->pending(), "");
    EXPECT_THAT(seen->text(), HasSubstr(GetParam().reason));
}

const std::string kBegin = fastcgi_begin(1);

INSTANTIATE_TEST_SUITE_P(
    All, FastcgiRefused,
    testing::Values(
        RefusedCase{"http", "GET / HTTP/1.1\r\n\r\n", "use http-socket"},
        RefusedCase{"tls", "\x16\x03\x01\x02\x03\x04\x05\x06", "TLS was spoken"},
        RefusedCase{"version_2", "\x02" + kBegin.substr(1), "not of version 1"},
        RefusedCase{"version_2_later", kBegin + "\x02", "not of version 1"},
        RefusedCase{"short_begin", fastcgi_record(1, 1, "\1\1"), "has not 8 bytes"},
        RefusedCase{"long_begin", fastcgi_record(1, 1, "123456789"), "has not 8 bytes"},
        RefusedCase{"begins_twice", kBegin + kBegin, "where those of the variables"},
        RefusedCase{"input_before_params", kBegin + fastcgi_record(5, 1, ""),
                    "where those of the variables"},
        RefusedCase{"params_after_their_end",
                    kBegin + fastcgi_params(1, plain_get()) + fastcgi_record(4, 1, "x"),
                    "where the request's body"},
        RefusedCase{"no_variables", kBegin + fastcgi_record(4, 1, ""), "REQUEST_METHOD"},
        RefusedCase{
            "name_behind_the_end",
            kBegin + fastcgi_record(4, 1, std::string("\x05\x00GET", 5)) + fastcgi_record(4, 1, ""),
            "behind their end"},
        RefusedCase{"cut_length", kBegin + fastcgi_record(4, 1, "\x80") + fastcgi_record(4, 1, ""),
                    "behind their end"},
        RefusedCase{"one_length", kBegin + fastcgi_record(4, 1, "\x01") + fastcgi_record(4, 1, ""),
                    "behind their end"},
        RefusedCase{"huge_lengths",
                    kBegin + fastcgi_record(4, 1, "\xff\xff\xff\xff\xff\xff\xff\xffxx") +
                        fastcgi_record(4, 1, ""),
                    "behind their end"},
        RefusedCase{"bad_variable",
                    kBegin + fastcgi_params(1, with(plain_get(), "CONTENT_LENGTH", "1e3")),
                    "CONTENT_LENGTH"},
        RefusedCase{"body_of_no_bytes",
                    kBegin + fastcgi_params(1, plain_post(0)) + fastcgi_record(5, 1, "x"),
                    "longer than its CONTENT_LENGTH"}),
    row_name);

TEST(Fastcgi, LimitOnTheVariables) {
    const std::string pairs = fastcgi_pairs(plain_get());
    const std::string wire = kBegin + fastcgi_record(4, 1, pairs.substr(0, 100)) +
                             fastcgi_record(4, 1, pairs.substr(100)) + fastcgi_record(4, 1, "") +
                             fastcgi_input(1, "");
    Limits limits;
    limits.head_bytes = static_cast<std::uint32_t>(pairs.size());
    EXPECT_EQ(converse(wire, limits)->heads(), 1);
    --limits.head_bytes;
    EXPECT_EQ(converse(wire, limits)->refused(), 431);
}

TEST(Fastcgi, LimitOnCrumbs) {
    Conversation seen(make_fastcgi, {});
    seen.present(kBegin);
    for (int i = 0; i < 32000 && seen.refused() == 0; ++i) {
        seen.present(fastcgi_record(8, 1, "", 255) + fastcgi_record(4, 1, "x", 255));
    }
    EXPECT_EQ(seen.refused(), 400) << "a data record is none of the variables";
    Conversation other(make_fastcgi, {});
    other.present(kBegin);
    int sent = 0;
    while (sent < 32000 && other.refused() == 0) {
        other.present(fastcgi_record(4, 1, "x", 255));
        ++sent;
    }
    EXPECT_EQ(other.refused(), 431);
    EXPECT_LT(sent, 1000);
}

TEST(Fastcgi, LimitOnTheBody) {
    Limits limits;
    limits.body_bytes = 4;
    const Pairs post = with(plain_get(), "REQUEST_METHOD", "POST");
    EXPECT_EQ(converse(fastcgi_request(1, plain_post(4), "1234"), limits)->bodies(), 1);
    EXPECT_EQ(converse(fastcgi_request(1, plain_post(5), "12345"), limits)->refused(), 413);
    EXPECT_EQ(converse(fastcgi_request(1, post, "1234"), limits)->bodies(), 1);
    EXPECT_EQ(converse(fastcgi_request(1, post, "12345"), limits)->refused(), 413);
}

TEST(Fastcgi, HalfAHeadMayMoveToAnotherWorker) {
    const std::string wire = fastcgi_request(1, plain_post(5), "hello");
    const std::size_t head = fastcgi_begin(1).size() + fastcgi_params(1, plain_post(5)).size();
    for (std::size_t at = 1; at < head; ++at) {
        Conversation seen(make_fastcgi, {});
        seen.present(wire.substr(0, at));
        EXPECT_EQ(seen.pending(), wire.substr(0, at)) << "nothing of it is used up";
        EXPECT_TRUE(seen.codec().inside_head());
    }
}

}  // namespace
}  // namespace mew::gateway
