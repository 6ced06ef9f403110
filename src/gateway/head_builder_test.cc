// What becomes of CGI variables, whatever packed them.
#include "gateway/head_builder.h"

#include <gtest/gtest.h>

#include "gateway/testing/built.h"

namespace mew::gateway {
namespace {

using http::Limits;

TEST(HeadBuilder, KnowsWhatNginxSends) {
    const Built built(and_also(plain_get(), {{"HTTP_USER_AGENT", "curl/7.88.1"},
                                             {"HTTP_X_MY_OWN2", "mine"},
                                             {"HTTP_COOKIE", "a=1"},
                                             {"HTTP_COOKIE", "b=2"}}));
    const http::RequestHead& head = built.head();
    EXPECT_EQ(built.reason(), "");
    EXPECT_EQ(head.method(), "GET");
    EXPECT_EQ(head.target(), "/hel%6Co?a=1&b=%20x");
    EXPECT_EQ(head.path(), "/hello");
    EXPECT_TRUE(head.path_decoded);
    EXPECT_EQ(head.query(), "a=1&b=%20x");
    EXPECT_EQ(head.authority(), "example.org");
    EXPECT_EQ(head.client_address(), "192.0.2.7");
    EXPECT_EQ(head.script_name(), "");
    EXPECT_EQ(head.version, http::Version::http11);
    EXPECT_EQ(head.framing, http::BodyFraming::none);
    EXPECT_FALSE(head.https);
    EXPECT_FALSE(head.expects_continue);
    EXPECT_EQ(built.fields(),
              "host=example.org;user-agent=curl/7.88.1;x-my-own2=mine;cookie=a=1;cookie=b=2;");
    EXPECT_EQ(head.fields()[1].id, http::FieldName::user_agent);
    EXPECT_EQ(head.fields()[2].id, http::FieldName::unknown);
    EXPECT_EQ(built.variables(),
              "DOCUMENT_ROOT=/usr/share/nginx/html;REQUEST_SCHEME=http;REMOTE_PORT=38180;"
              "SERVER_PORT=80;SERVER_NAME=example.org;");
}

TEST(HeadBuilder, ForwardedFieldsAreMarked) {
    EXPECT_FALSE(Built(plain_get()).head().has_forwarded);
    for (const char* name : {"HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"})
        EXPECT_TRUE(Built(with(plain_get(), name, "1")).head().has_forwarded) << name;
    EXPECT_FALSE(Built(with(plain_get(), "X_FORWARDED_FOR", "1")).head().has_forwarded);
}

TEST(HeadBuilder, BodyHasTheLengthThatIsSaid) {
    const Built built(with(plain_post(12), "CONTENT_TYPE", "text/plain"));
    EXPECT_EQ(built.status(), 0);
    EXPECT_EQ(built.head().framing, http::BodyFraming::length);
    EXPECT_EQ(built.head().content_length, 12U);
    EXPECT_EQ(built.fields(), "content-type=text/plain;content-length=12;host=example.org;");
}

TEST(HeadBuilder, HeadersOfTheClientsMessageDoNotFrameThisOne) {
    const Built built(and_also(plain_post(12), {{"HTTP_CONTENT_LENGTH", "99"},
                                                {"HTTP_TRANSFER_ENCODING", "chunked"},
                                                {"HTTP_CONTENT_TYPE", "x/y"},
                                                {"HTTP_CONNECTION", "close"},
                                                {"HTTP_EXPECT", "tea"}}));
    EXPECT_EQ(built.reason(), "");
    EXPECT_EQ(built.head().framing, http::BodyFraming::length);
    EXPECT_EQ(built.head().content_length, 12U);
    EXPECT_EQ(built.fields(), "content-length=12;host=example.org;connection=close;expect=tea;");
    EXPECT_EQ(built.head().dropped_fields, 0U);
}

TEST(HeadBuilder, NamesThatAreNotForTheEnviron) {
    const Built built(and_also(plain_get(), {{"HTTP_PROXY", "http://evil/"},
                                             {"HTTP_X.Y", "1"},
                                             {"HTTP_x_lower", "2"},
                                             {"HTTP_", "3"},
                                             {"wsgi.input", "4"},
                                             {"uwsgi.version", "5"},
                                             {"mewsgi.x", "6"},
                                             {"UWSGI_FILE", "/etc/passwd"},
                                             {"UWSGI_CHDIR", "/"},
                                             {"A B", "7"},
                                             {"X-Real-IP", "8"},
                                             {"lower", "9"}}));
    EXPECT_EQ(built.reason(), "");
    EXPECT_EQ(built.fields(), "host=example.org;proxy=http://evil/(not for CGI);");
    EXPECT_TRUE(built.variables().ends_with("SERVER_NAME=example.org;X-Real-IP=8;lower=9;"))
        << built.variables();
    EXPECT_EQ(built.head().dropped_fields, 10U);
}

TEST(HeadBuilder, SchemeIsTheWebServersWord) {
    EXPECT_TRUE(Built(with(plain_get(), "HTTPS", "on")).head().https);
    EXPECT_TRUE(Built(with(plain_get(), "HTTPS", "1")).head().https);
    EXPECT_TRUE(Built(with(plain_get(), "REQUEST_SCHEME", "https")).head().https);
    EXPECT_TRUE(Built(with(plain_get(), "UWSGI_SCHEME", "https")).head().https);
    EXPECT_FALSE(Built(with(plain_get(), "HTTPS", "off")).head().https);
    EXPECT_FALSE(Built(with(plain_get(), "HTTPS", "")).head().https);
    const Built seen(with(plain_get(), "HTTPS", "on"));
    EXPECT_TRUE(seen.variables().ends_with("HTTPS=on;")) << "apps look at it too";
}

TEST(HeadBuilder, LastOfTwoReplacesTheFirst) {
    const Built built(and_also(plain_post(3), {{"PATH_INFO", "/other"},
                                               {"REMOTE_ADDR", "198.51.100.1"},
                                               {"HTTP_HOST", "example.org:8080"},
                                               {"CONTENT_TYPE", "a/b"},
                                               {"CONTENT_TYPE", "c/d"},
                                               {"CONTENT_LENGTH", "3"},
                                               {"REQUEST_METHOD", "POST"}}));
    EXPECT_EQ(built.reason(), "");
    EXPECT_EQ(built.head().path(), "/other");
    EXPECT_EQ(built.head().client_address(), "198.51.100.1");
    EXPECT_EQ(built.head().authority(), "example.org:8080");
    EXPECT_EQ(built.fields(), "content-length=3;host=example.org:8080;content-type=c/d;");
}

TEST(HeadBuilder, ValuesAreLeftAsTheyAre) {
    const std::string long_value(65535, 'x');
    const Built built(and_also(
        with(plain_get(), "PATH_INFO", "/a b\n\xc3\xa9%41"),
        {{"SSL_CLIENT_CERT", "-----BEGIN\n\tAA\n"}, {"HTTP_X_LONG", "  " + long_value + "\t"}}));
    EXPECT_EQ(built.reason(), "");
    EXPECT_EQ(built.head().path(), "/a b\n\xc3\xa9%41");
    EXPECT_TRUE(built.variables().ends_with("SSL_CLIENT_CERT=-----BEGIN\n\tAA\n;"));
    EXPECT_EQ(built.fields(), "host=example.org;x-long=" + long_value + ";");
}

struct RefusedCase {
    const char* name;
    Pairs pairs;
    int status = 400;
};
std::ostream& operator<<(std::ostream& out, const RefusedCase& row) { return out << row.name; }

class Refused : public testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, WithItsStatus) {
    const Built built(GetParam().pairs);
    EXPECT_EQ(built.status(), GetParam().status) << built.reason();
    EXPECT_NE(built.reason(), "");
}

INSTANTIATE_TEST_SUITE_P(
    All, Refused,
    testing::Values(
        RefusedCase{"no_method", without(plain_get(), "REQUEST_METHOD")},
        RefusedCase{"nothing", {}},
        RefusedCase{"empty_method", with(plain_get(), "REQUEST_METHOD", "")},
        RefusedCase{"method_no_token", with(plain_get(), "REQUEST_METHOD", "GET /")},
        RefusedCase{"long_method", with(plain_get(), "REQUEST_METHOD", std::string(33, 'A'))},
        RefusedCase{"two_methods", and_also(plain_get(), {{"REQUEST_METHOD", "HEAD"}})},
        RefusedCase{"connect", with(plain_get(), "REQUEST_METHOD", "CONNECT"), 501},
        RefusedCase{"nameless", and_also(plain_get(), {{"", "x"}})},
        RefusedCase{"target_blank", with(plain_get(), "REQUEST_URI", "/a b")},
        RefusedCase{"target_8_bit", with(plain_get(), "REQUEST_URI", "/\xc3\xa9")},
        RefusedCase{"target_fragment", with(plain_get(), "REQUEST_URI", "/a#b")},
        RefusedCase{"target_no_path", with(plain_get(), "REQUEST_URI", "a/b")},
        RefusedCase{"target_star", with(plain_get(), "REQUEST_URI", "*")},
        RefusedCase{"query_ctl", with(plain_get(), "QUERY_STRING", "a\nb")},
        RefusedCase{"address_ctl", with(plain_get(), "REMOTE_ADDR", "a\nb")},
        RefusedCase{"host_bad", with(plain_get(), "HTTP_HOST", "a b")},
        RefusedCase{"host_userinfo", with(plain_get(), "HTTP_HOST", "u@h")},
        RefusedCase{"host_second_bad", and_also(plain_get(), {{"HTTP_HOST", "a,b/"}})},
        RefusedCase{"value_lf", and_also(plain_get(), {{"HTTP_X", "a\nb"}})},
        RefusedCase{"value_nul", and_also(plain_get(), {{"HTTP_X", std::string("a\0b", 3)}})},
        RefusedCase{"value_of_dropped", and_also(plain_get(), {{"HTTP_X.Y", "a\rb"}})},
        RefusedCase{"type_ctl", with(plain_get(), "CONTENT_TYPE", "a\nb")},
        RefusedCase{"length_sign", with(plain_get(), "CONTENT_LENGTH", "+5")},
        RefusedCase{"length_blank", with(plain_get(), "CONTENT_LENGTH", " 5")},
        RefusedCase{"length_list", with(plain_get(), "CONTENT_LENGTH", "5, 5")},
        RefusedCase{"length_hex", with(plain_get(), "CONTENT_LENGTH", "0x5")},
        RefusedCase{"length_20_digits",
                    with(plain_get(), "CONTENT_LENGTH", "00000000000000000005")},
        RefusedCase{"length_overflow", with(plain_get(), "CONTENT_LENGTH", "9223372036854775808")},
        RefusedCase{"two_lengths", and_also(plain_post(5), {{"CONTENT_LENGTH", "6"}})},
        RefusedCase{"http_0_9", with(plain_get(), "SERVER_PROTOCOL", "HTTP/0.9"), 505},
        RefusedCase{"http_1_2", with(plain_get(), "SERVER_PROTOCOL", "HTTP/1.2"), 505},
        RefusedCase{"empty_protocol", with(plain_get(), "SERVER_PROTOCOL", ""), 505}),
    row_name);

TEST(HeadBuilder, TakesEveryHttpVersion) {
    EXPECT_EQ(Built(with(plain_get(), "SERVER_PROTOCOL", "HTTP/1.0")).head().version,
              http::Version::http10);
    EXPECT_EQ(Built(with(plain_get(), "SERVER_PROTOCOL", "HTTP/2.0")).head().version,
              http::Version::http2);
    EXPECT_EQ(Built(with(plain_get(), "SERVER_PROTOCOL", "HTTP/3.0")).head().version,
              http::Version::http3);
    EXPECT_EQ(Built(without(plain_get(), "SERVER_PROTOCOL")).head().version, http::Version::http11);
}

TEST(HeadBuilder, AsteriskIsForOptions) {
    const Built built(with(with(plain_get(), "REQUEST_METHOD", "OPTIONS"), "REQUEST_URI", "*"));
    EXPECT_EQ(built.reason(), "");
    EXPECT_EQ(built.head().target(), "*");
}

TEST(HeadBuilder, LimitOnHeaders) {
    Limits limits;
    limits.head_fields = 3;  // Host is one
    Pairs pairs = and_also(plain_get(), {{"HTTP_A", "1"}, {"HTTP_B", "2"}});
    EXPECT_EQ(Built(pairs, false, limits).status(), 0);
    EXPECT_EQ(Built(and_also(pairs, {{"HTTP_C", "3"}}), false, limits).status(), 431);
}

TEST(HeadBuilder, LimitOnVariables) {
    Pairs pairs = {{"REQUEST_METHOD", "GET"}};
    for (int i = 0; i < 256; ++i) pairs.emplace_back("V" + std::to_string(i), "x");
    EXPECT_EQ(Built(pairs).status(), 0);
    EXPECT_EQ(Built(and_also(pairs, {{"ONE_MORE", "x"}})).status(), 431);
}

TEST(HeadBuilder, LimitOnTheBody) {
    Limits limits;
    limits.body_bytes = 10;
    EXPECT_EQ(Built(plain_post(10), false, limits).status(), 0);
    EXPECT_EQ(Built(plain_post(11), false, limits).status(), 413);
}

TEST(HeadBuilder, NextRequestStartsClean) {
    Built built(and_also(with(plain_post(5), "HTTPS", "on"),
                         {{"SCRIPT_NAME", "/m"}, {"HTTP_X", std::string(20000, 'x')}}));
    built.build({{"REQUEST_METHOD", "GET"}, {"REQUEST_URI", "/b"}});
    EXPECT_EQ(built.reason(), "");
    EXPECT_EQ(built.fields(), "");
    EXPECT_EQ(built.variables(), "");
    EXPECT_EQ(built.head().path(), "/b");
    EXPECT_EQ(built.head().script_name(), "");
    EXPECT_EQ(built.head().framing, http::BodyFraming::none);
    EXPECT_FALSE(built.head().https);
    EXPECT_FALSE(built.head().path_decoded);
}

}  // namespace
}  // namespace mew::gateway
