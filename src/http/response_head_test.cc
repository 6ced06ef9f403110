#include "http/response_head.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::http {
namespace {

using std::string_view_literals::operator""sv;
using testing::HasSubstr;

ResponseHead with(std::vector<Header> headers) {
    ResponseHead head;
    head.headers = std::move(headers);
    return head;
}

struct Refused {
    const char* name;
    int status;
    std::string_view reason;
    std::vector<Header> headers;
    std::string_view told;  // in the sentence for the log
};

const std::vector<Refused> kRefused = {
    {"status_0", 0, "", {}, "0"},
    {"status_negative", -200, "", {}, "-200"},
    {"status_99", 99, "", {}, "99"},
    {"status_1000", 1000, "", {}, "1000"},
    {"status_100", 100, "", {}, "final"},
    {"status_101", 101, "", {}, "final"},
    {"status_199", 199, "", {}, "final"},
    {"reason_cr_lf", 200, "OK\r\nX: y", {}, "\\x0d\\x0a"},
    {"reason_lf", 200, "OK\n", {}, "\\x0a"},
    {"reason_nul", 200, "O\0K"sv, {}, "\\x00"},
    {"reason_del", 200, "OK\x7f", {}, "\\x7f"},
    {"name_empty", 200, "", {{"", "v"}}, "''"},
    {"name_space", 200, "", {{"X Y", "v"}}, "'X Y'"},
    {"name_space_last", 200, "", {{"X ", "v"}}, "'X '"},
    {"name_colon", 200, "", {{"X:", "v"}}, "'X:'"},
    {"name_cr_lf", 200, "", {{"X\r\nY", "v"}}, "\\x0d\\x0a"},
    {"name_nul", 200, "", {{"X\0"sv, "v"}}, "\\x00"},
    {"name_high_byte", 200, "", {{"X\xe9", "v"}}, "\\xe9"},
    {"name_parenthesis", 200, "", {{"X(", "v"}}, "'X('"},
    {"value_cr_lf", 200, "", {{"X", "a\r\nSet-Cookie: b"}}, "\\x0d\\x0a"},
    {"value_fold", 200, "", {{"X", "a\r\n b"}}, "\\x0d\\x0a"},
    {"value_lf", 200, "", {{"X", "a\nb"}}, "\\x0a"},
    {"value_lf_last", 200, "", {{"X", "a\n"}}, "\\x0a"},
    {"value_cr", 200, "", {{"X", "a\rb"}}, "\\x0d"},
    {"value_nul", 200, "", {{"X", "a\0b"sv}}, "\\x00"},
    {"value_ctl", 200, "", {{"X", "\x01"}}, "\\x01"},
    {"value_escape", 200, "", {{"X", "\x1b[31m"}}, "\\x1b"},
    {"value_del", 200, "", {{"X", "\x7f"}}, "\\x7f"},
    {"second_header", 200, "", {{"X", "fine"}, {"Y", "a\nb"}}, "'Y'"},
    {"dropped_header_too", 200, "", {{"Connection", "a\nb"}}, "\\x0a"},
    {"length_not_a_number", 200, "", {{"Content-Length", "five"}}, "'five'"},
    {"length_negative", 200, "", {{"Content-Length", "-1"}}, "'-1'"},
    {"length_blank", 200, "", {{"Content-Length", " 5"}}, "' 5'"},
    {"length_empty", 200, "", {{"Content-Length", ""}}, "''"},
    {"length_list", 200, "", {{"Content-Length", "5, 5"}}, "'5, 5'"},
    {"length_too_large",
     200,
     "",
     {{"Content-Length", "9223372036854775808"}},
     "9223372036854775808"},
    {"two_lengths", 200, "", {{"Content-Length", "5"}, {"content-length", "6"}}, "two different"},
};

TEST(ResponseHead, r28_bad_heads_are_refused_with_a_reason) {
    for (const Refused& row : kRefused) {
        SCOPED_TRACE(row.name);
        ResponseHead head = with(row.headers);
        head.status = row.status;
        head.reason = row.reason;
        const auto checked = head.check();
        ASSERT_FALSE(checked);
        EXPECT_THAT(checked.error().text, HasSubstr(std::string(row.told)));
        for (char c : checked.error().text) {
            EXPECT_TRUE(c >= 0x20 && c < 0x7f) << "the log line itself holds a control character";
        }
    }
}

TEST(ResponseHead, long_values_are_cut_in_the_reason) {
    const std::string value(1U << 20, '\n');
    ResponseHead head = with({{"X", value}});
    const auto checked = head.check();
    ASSERT_FALSE(checked);
    EXPECT_LT(checked.error().text.size(), 1000U);
}

TEST(ResponseHead, good_heads_pass) {
    for (const int status : {200, 204, 299, 304, 404, 500, 599, 600, 999}) {
        ResponseHead head = with({{"X-Empty", ""},
                                  {"X-Tab", "a\tb"},
                                  {"X-Latin", "\xe9\xff"},
                                  {"!#$%&'*+-.^_`|~", "every mark"},
                                  {"Set-Cookie", "a=b"},
                                  {"Set-Cookie", "c=d"}});
        head.status = status;
        head.reason = "Any\tText \xc3\xa9";
        EXPECT_TRUE(head.check()) << status;
        EXPECT_EQ(head.dropped_name, "");
        for (const Header& header : head.headers) EXPECT_FALSE(header.dropped) << header.name;
        EXPECT_EQ(head.headers[4].id, FieldName::set_cookie);
    }
}

TEST(ResponseHead, r29_hop_by_hop_fields_are_dropped) {
    for (const std::string_view name :
         {"Connection", "keep-alive", "Transfer-Encoding", "UPGRADE", "te", "Trailer",
          "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authorization"}) {
        ResponseHead head = with({{"X", "y"}, {name, "z"}});
        ASSERT_TRUE(head.check());
        EXPECT_FALSE(head.headers[0].dropped);
        EXPECT_TRUE(head.headers[1].dropped) << name;
        EXPECT_EQ(head.dropped_name, name);
    }
}

TEST(ResponseHead, connection_close_is_a_wish_and_no_mistake) {
    struct Row {
        std::string_view value;
        bool closes, warned;
    };
    for (const Row& row :
         {Row{"close", true, false}, Row{" CLOSE ", true, false}, Row{"keep-alive", false, false},
          Row{"close, x", true, true}, Row{"x", false, true}, Row{"upgrade", false, true}}) {
        ResponseHead head = with({{"Connection", row.value}});
        ASSERT_TRUE(head.check());
        EXPECT_TRUE(head.headers[0].dropped);
        EXPECT_EQ(head.wants_close, row.closes) << row.value;
        EXPECT_EQ(!head.dropped_name.empty(), row.warned) << row.value;
    }
}

TEST(ResponseHead, content_length_is_found) {
    ResponseHead none = with({{"X-Content-Length", "5"}});
    ASSERT_TRUE(none.check());
    EXPECT_FALSE(none.content_length);
    ResponseHead one = with({{"CONTENT-length", "9223372036854775807"}});
    ASSERT_TRUE(one.check());
    EXPECT_EQ(one.content_length, 9223372036854775807U);
    ResponseHead equal = with({{"Content-Length", "5"}, {"Content-Length", "05"}});
    ASSERT_TRUE(equal.check());
    EXPECT_EQ(equal.content_length, 5U);
    EXPECT_FALSE(equal.headers[0].dropped);
    EXPECT_TRUE(equal.headers[1].dropped);
}

TEST(ResponseHead, r32_date_and_server_are_found_and_single) {
    ResponseHead head = with({{"Date", "a"}, {"Server", "b"}, {"date", "c"}, {"SERVER", "d"}});
    ASSERT_TRUE(head.check());
    EXPECT_TRUE(head.has_date);
    EXPECT_TRUE(head.has_server);
    EXPECT_FALSE(head.headers[0].dropped);
    EXPECT_FALSE(head.headers[1].dropped);
    EXPECT_TRUE(head.headers[2].dropped);
    EXPECT_TRUE(head.headers[3].dropped);
}

TEST(ResponseHead, can_be_checked_again) {
    ResponseHead head = with({{"Content-Length", "5"}, {"Date", "d"}, {"Connection", "close"}});
    ASSERT_TRUE(head.check());
    ASSERT_TRUE(head.check());
    EXPECT_EQ(head.content_length, 5U);
    EXPECT_FALSE(head.headers[0].dropped) << "its length was lost";
    EXPECT_FALSE(head.headers[1].dropped);
    // A PEP 3333 app may replace the head by start_response with exc_info.
    head.headers = {{"X", "y"}};
    ASSERT_TRUE(head.check());
    EXPECT_FALSE(head.content_length);
    EXPECT_FALSE(head.has_date);
    EXPECT_FALSE(head.wants_close);
}

TEST(ResponseHead, r29_an_app_that_says_chunked_is_noted) {
    for (const std::string_view value : {"chunked", " CHUNKED", "gzip, chunked"}) {
        ResponseHead head = with({{"transfer-encoding", value}});
        ASSERT_TRUE(head.check());
        EXPECT_TRUE(head.says_chunked) << value;
        head.headers = {{"Connection", "chunked"}};
        ASSERT_TRUE(head.check());
        EXPECT_FALSE(head.says_chunked);
    }
    ResponseHead other = with({{"Transfer-Encoding", "identity"}});
    ASSERT_TRUE(other.check());
    EXPECT_FALSE(other.says_chunked);
}

TEST(IsInChunks, tells_chunks_from_a_body) {
    using namespace std::string_view_literals;
    for (const std::string_view body :
         {"5\r\n"sv, "5\r\nhello"sv, "5\r\nhello\r"sv, "5\r\nhello\r\n"sv,
          "5\r\nhello\r\n0\r\n\r\n"sv, "aB\r\n"sv, "1a;name=value\r\nx"sv, "0\r\n\r\n"sv, "0\r\n"sv,
          "00000005\r\nhel"sv}) {
        EXPECT_TRUE(is_in_chunks(body)) << body;
    }
    for (const std::string_view body :
         {""sv, "5"sv, "5\r"sv, "5\n"sv, "hello\r\n"sv, "\r\n"sv, ";\r\n"sv, "5 \r\nhello"sv,
          "-5\r\nhello"sv, "0x5\r\nhello"sv, "2\r\nhello"sv, "5\r\nhello\n"sv,
          "abc,def\r\n1,2\r\n"sv, "0\r\nX"sv, "1234567890123456\r\n"sv, "\0\r\n"sv}) {
        EXPECT_FALSE(is_in_chunks(body)) << body;
    }
}

TEST(ResponseHead, clear_forgets_everything) {
    ResponseHead head = with({{"Content-Length", "5"}, {"Connection", "close, x"}, {"Date", "d"}});
    head.headers.push_back({"Transfer-Encoding", "chunked"});
    head.status = 404;
    head.reason = "No";
    head.implied_length = 3;
    ASSERT_TRUE(head.check());
    head.clear();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.reason, "");
    EXPECT_TRUE(head.headers.empty());
    EXPECT_FALSE(head.content_length || head.implied_length || head.has_date || head.has_server ||
                 head.wants_close || head.says_chunked);
    EXPECT_EQ(head.dropped_name, "");
}

}  // namespace
}  // namespace mew::http
