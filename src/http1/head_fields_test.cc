// Rules 8 to 18, 23 and 24: header fields and what they say of body and connection.
#include "http1/head_parser.h"
#include "http1/testing/wire_case.h"

namespace mew::http1 {
namespace {

using std::string_literals::operator""s;

std::string fields(const std::string& lines, const std::string& version = "1.1") {
    return "GET / HTTP/" + version + "\r\nHost: h\r\n" + lines + "\r\n";
}
std::string value(const std::string& text) { return fields("X-Value: " + text + "\r\n"); }
std::string length(const std::string& text) { return fields("Content-Length: " + text + "\r\n"); }
std::string coding(const std::string& text) {
    return fields("Transfer-Encoding: " + text + "\r\n");
}

std::vector<WireCase> shapes() {
    return {
        {"r08_no_blank_accepted", fields("X:y\r\n")},
        {"r08_blanks_around_value_accepted", fields("X: \t y z\t \r\n")},
        {"r08_empty_value_accepted", fields("X:\r\n")},
        {"r08_blank_value_accepted", fields("X: \t\r\n")},
        {"r08_colon_in_value_accepted", fields("X: a:b\r\n")},
        {"r08_every_tchar_accepted", fields("!#$%&'*+-.^_`|~09AZaz: y\r\n")},
        {"r08_space_before_colon", fields("X : y\r\n"), 400},
        {"r08_tab_before_colon", fields("X\t: y\r\n"), 400},
        {"r08_space_before_colon_of_length", fields("Content-Length : 5\r\n"), 400},
        {"r08_no_colon", fields("X y\r\n"), 400},
        {"r08_only_name", fields("X\r\n"), 400},
        {"r08_empty_name", fields(": y\r\n"), 400},
        {"r08_only_colon", fields(":\r\n"), 400},
        {"r08_space_in_name", fields("X Y: z\r\n"), 400},
        {"r08_parenthesis_in_name", fields("X(Y): z\r\n"), 400},
        {"r08_quote_in_name", fields("\"X\": z\r\n"), 400},
        {"r08_slash_in_name", fields("X/Y: z\r\n"), 400},
        {"r08_nul_in_name", fields("X\0Y: z\r\n"s), 400},
        {"r08_cr_in_name", fields("X\rY: z\r\n"), 400},
        {"r08_ctl_in_name", fields("X\x0bY: z\r\n"), 400},
        {"r08_del_in_name", fields("X\x7f: z\r\n"), 400},
        {"r08_utf_8_in_name", fields("X\xc3\xa9: z\r\n"), 400},
        {"r09_folded_by_space", fields("X: y\r\n z\r\n"), 400},
        {"r09_folded_by_tab", fields("X: y\r\n\tz\r\n"), 400},
        {"r09_folded_looks_like_field", fields("X: y\r\n Content-Length: 5\r\n"), 400},
        {"r09_folded_to_nothing", fields("X: y\r\n \r\n"), 400},
        {"r09_folded_host", "GET / HTTP/1.1\r\nHost:\r\n h\r\n\r\n", 400},
        {"r10_printable_accepted", value("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")},
        {"r10_tab_inside_accepted", value("a\tb")},
        {"r10_utf_8_accepted", value("\xc3\xa9\xe2\x82\xac")},
        {"r10_latin_1_accepted", value("\x80\xe9\xff")},
        {"r10_nul", value("a\0b"s), 400},
        {"r10_nul_last", value("a\0"s), 400},
        {"r10_cr", value("a\rb"), 400},
        {"r10_cr_last", value("a\r"), 400},
        {"r10_lf", value("a\nb"), 400},
        {"r10_ctl_01", value("a\x01"), 400},
        {"r10_vertical_tab_first",
         value("\x0b"
               "a"),
         400},
        {"r10_form_feed_last", value("a\x0c"), 400},
        {"r10_escape", value("a\x1b[0m"), 400},
        {"r10_ctl_1f", value("\x1f"), 400},
        {"r10_del", value("a\x7f"), 400},
        {"r11_two_other_fields_accepted", fields("X: y\r\nX: y\r\nCookie: a\r\nCookie: b\r\n")},
        {"r11_two_content_types", fields("Content-Type: a/b\r\nContent-Type: a/b\r\n"), 400},
        {"r11_two_content_types_any_case", fields("Content-Type: a/b\r\ncontent-TYPE: c/d\r\n"),
         400},
    };
}

std::vector<WireCase> lengths() {
    return {
        {"r16_zero_accepted", length("0")},
        {"r16_leading_zeros_accepted", length("0000000000000000000")},
        {"r16_equal_lines_merged_accepted", fields("Content-Length: 0\r\ncontent-length: 0\r\n")},
        {"r16_empty", length(""), 400},
        {"r16_twenty_digits", length("00000000000000000000"), 400},
        {"r16_above_int64", length("9223372036854775808"), 400},
        {"r16_above_uint64", length("18446744073709551616"), 400},
        {"r16_plus", length("+5"), 400},
        {"r16_minus", length("-5"), 400},
        {"r16_hex", length("0x5"), 400},
        {"r16_exponent", length("5e0"), 400},
        {"r16_point", length("5.0"), 400},
        {"r16_underscore", length("1_0"), 400},
        {"r16_blank_inside", length("5 5"), 400},
        {"r16_letter_after", length("5a"), 400},
        {"r16_list_of_equal", length("5, 5"), 400},
        {"r16_list_of_different", length("5, 6"), 400},
        {"r16_comma", length("5,"), 400},
        {"r16_quoted", length("\"5\""), 400},
        {"r16_arabic_digit", length("\xd9\xa5"), 400},
        {"r16_superscript_digit", length("\xb2"), 400},
        {"r16_nul", length("5\0"s), 400},
        {"r16_vertical_tab",
         length("\x0b"
                "5"),
         400},
        {"r16_no_break_space",
         length("\xa0"
                "5"),
         400},
        {"r16_two_different_lines", fields("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
        {"r16_second_line_bad", fields("Content-Length: 5\r\nContent-Length: x\r\n"), 400},
    };
}

std::vector<WireCase> codings() {
    return {
        {"r17_length_then_chunked", fields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
         400},
        {"r17_chunked_then_length", fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
         400},
        {"r17_chunked_and_length_zero",
         fields("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 400},
        {"r17_chunked_in_1_0", fields("Transfer-Encoding: chunked\r\n", "1.0"), 400},
        {"r17_unknown_coding_in_1_0", fields("Transfer-Encoding: gzip\r\n", "1.0"), 400},
        {"r17_both_in_1_0", fields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "1.0"),
         400},
        {"r18_gzip", coding("gzip"), 501},
        {"r18_identity", coding("identity"), 501},
        {"r18_gzip_chunked", coding("gzip, chunked"), 501},
        {"r18_chunked_gzip", coding("chunked, gzip"), 501},
        {"r18_chunked_chunked", coding("chunked, chunked"), 501},
        {"r18_chunked_identity", coding("chunked, identity"), 501},
        {"r18_empty", coding(""), 501},
        {"r18_comma_first", coding(",chunked"), 501},
        {"r18_comma_last", coding("chunked,"), 501},
        {"r18_parameter", coding("chunked;q=1"), 501},
        {"r18_quoted", coding("\"chunked\""), 501},
        {"r18_prefix", coding("xchunked"), 501},
        {"r18_suffix", coding("chunkedx"), 501},
        {"r18_vertical_tab",
         coding("\x0b"
                "chunked"),
         400},
        {"r18_no_break_space", coding("chunked\xa0"), 501},
        {"r18_kelvin_sign",
         coding("chun\xe2\x84\xaa"
                "ed"),
         501},
        {"r18_two_lines", fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
         400},
        {"r18_unknown_coding_with_length",
         fields("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"), 501},
        {"r18_space_before_colon", fields("Transfer-Encoding : chunked\r\n"), 400},
        {"r18_folded", fields("Transfer-Encoding:\r\n chunked\r\n"), 501},
        {"r23_expect_without_body_accepted", fields("Expect: 100-continue\r\n")},
        {"r23_expect_other", fields("Expect: 200-ok\r\n"), 417},
        {"r23_expect_and_more", fields("Expect: 100-continue, x\r\n"), 417},
        {"r26_upgrade_ignored_accepted",
         fields("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n")},
    };
}

class FieldRules : public testing::TestWithParam<WireCase> {};
TEST_P(FieldRules, hold) { expect_head_case(GetParam()); }
INSTANTIATE_TEST_SUITE_P(shape, FieldRules, testing::ValuesIn(shapes()), case_name);
INSTANTIATE_TEST_SUITE_P(length, FieldRules, testing::ValuesIn(lengths()), case_name);
INSTANTIATE_TEST_SUITE_P(coding, FieldRules, testing::ValuesIn(codings()), case_name);

// A head and a piece of what is found out about it.
struct Finding {
    std::string wire;
    std::string found;
};

void expect_found(const std::vector<Finding>& rows) {
    for (const Finding& row : rows) {
        const auto seen = converse(row.wire, {});
        ASSERT_EQ(seen->refused(), 0) << row.wire;
        ASSERT_GE(seen->heads(), 1) << row.wire;
        EXPECT_NE(seen->events()[0].find(row.found), std::string::npos)
            << row.found << " in " << seen->events()[0];
    }
}

TEST(HeadFields, values_are_trimmed_and_otherwise_kept) {
    expect_found({
        {fields("X: \t y  z\t \r\n"), "X[y  z]"},
        {fields("X:\r\n"), "X[]"},
        {fields("X-CaSe: VaLue\r\n"), "X-CaSe[VaLue]"},
        {fields("X: \xc3\xa9\xff\r\n"), "X[\xc3\xa9\xff]"},
        {fields("A: 1\r\nA: 2\r\n"), "| A[1] | A[2]"},
    });
}

TEST(HeadFields, r12_names_that_never_become_cgi_variables) {
    expect_found({
        {fields("X-Good-1: y\r\n"), "dropped[0]"},
        {fields("X_Bad: y\r\n"), "| (not for CGI) X_Bad[y]"},
        {fields("X.Bad: y\r\n"), "| (not for CGI) X.Bad[y]"},
        {fields("Content_Length: 5\r\n"), "framing[0] length[0] dropped[1]"},
        {fields("Transfer_Encoding: chunked\r\n"), "framing[0] length[0] dropped[1]"},
        {fields("Proxy: http://evil/\r\n"), "| (not for CGI) Proxy[http://evil/]"},
        {fields("pROXY: http://evil/\r\n"), "| (not for CGI) pROXY[http://evil/]"},
        {fields("X_A: 1\r\nX~B: 2\r\nProxy: 3\r\nX-C: 4\r\n"), "dropped[3]"},
        {fields("X-Forwarded-Proto: https\r\nX_Forwarded_Proto: http\r\n"),
         "| X-Forwarded-Proto[https] | (not for CGI) X_Forwarded_Proto[http]"},
    });
}

// Only a name of letters, digits and '-' becomes a variable, so only ever as HTTP_ and upper case.
TEST(HeadFields, r13_names_of_variables_are_no_names_of_fields) {
    for (const std::string name :
         {"REMOTE_USER", "SCRIPT_NAME", "PATH_INFO", "CONTENT_LENGTH", "UWSGI_FILE", "HTTP_HOST",
          "wsgi.url_scheme", "wsgi.input", "uwsgi.node", "x-wsgiorg.key"}) {
        expect_found({{fields(name + ": evil\r\n"), "| (not for CGI) " + name + "[evil]"}});
    }
}

// The codec finds nothing out from what a proxy, or anybody, says of another connection.
TEST(HeadFields, r14_forwarded_fields_change_nothing) {
    const std::string plain = converse(fields(""), {})->events()[0];
    for (const std::string field :
         {"X-Forwarded-Host: evil", "X-Forwarded-Proto: https", "X-Forwarded-For: 9.9.9.9",
          "X-Forwarded-Port: 1", "X-Forwarded-Prefix: /evil", "X-Real-Ip: 9.9.9.9",
          "Forwarded: for=9.9.9.9;host=evil;proto=https"}) {
        const std::string seen = converse(fields(field + "\r\n"), {})->events()[0];
        EXPECT_EQ(seen.rfind(plain, 0), 0U) << seen;
    }
}

// Marked for those who know whom to believe.
TEST(HeadFields, r14_forwarded_fields_are_marked) {
    const auto marked = [](const std::string& field) {
        const http::Limits limits;
        HeadParser parser(limits);
        http::RequestHead head;
        const std::string wire = "GET / HTTP/1.1\r\nHost: h\r\n" + field + "\r\n\r\n";
        EXPECT_EQ(parser.parse(wire, head), HeadParser::Outcome::complete) << field;
        const bool before = head.has_forwarded;
        head.clear();
        EXPECT_FALSE(head.has_forwarded);
        return before;
    };
    for (const std::string name : {"X-Forwarded-Host", "x-forwarded-proto", "X-FORWARDED-FOR",
                                   "X-Forwarded-Port", "X-Forwarded-Ssl", "Forwarded"})
        EXPECT_TRUE(marked(name + ": 1")) << name;
    for (const std::string name :
         {"X-Forwarded-Prefix", "X-Forwarded", "X_Forwarded_For", "X-Real-IP", "Via"})
        EXPECT_FALSE(marked(name + ": 1")) << name;
}

TEST(HeadFields, r16_r18_framing_is_found) {
    expect_found({
        {fields(""), "framing[0] length[0]"},
        {length("0"), "framing[0] length[0]"},
        {length("5") + "12345", "framing[1] length[5]"},
        {length("0005") + "12345", "framing[1] length[5]"},
        {length("9223372036854775807"), "framing[1] length[9223372036854775807]"},
        {fields("Content-Length: 5\r\nContent-Length: 05\r\n") + "12345",
         "| Host[h] | Content-Length[5] "},
        {coding("chunked"), "framing[2] length[0]"},
        {coding("CHUNKED"), "framing[2] length[0]"},
        {coding(" \tChunked\t "), "framing[2] length[0]"},
    });
}

TEST(HeadFields, r23_expectations) {
    expect_found({
        {fields("Expect: 100-Continue\r\nContent-Length: 1\r\n"), "expects-continue"},
        {fields("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n"), "expects-continue"},
        {fields("Expect: 100-continue\r\n"), "keep-alive | Host"},
        {fields("Expect: 100-continue\r\nContent-Length: 1\r\n", "1.0"), "close | Host"},
    });
}

TEST(HeadFields, r24_the_end_of_the_connection) {
    expect_found({
        {fields(""), "keep-alive "},
        {fields("Connection: keep-alive\r\n"), "keep-alive "},
        {fields("Connection: close\r\n"), " close "},
        {fields("Connection: CLOSE\r\n"), " close "},
        {fields("Connection: Upgrade,\tClose , x\r\n"), " close "},
        {fields("Connection: keep-alive, close\r\n"), " close "},
        {fields("Connection: close\r\nConnection: keep-alive\r\n"), " close "},
        {fields("Connection: closed, x-close\r\n"), "keep-alive "},
        {fields("", "1.0"), " close "},
        {fields("Connection: Keep-Alive\r\n", "1.0"), "keep-alive "},
        {fields("Connection: keep-alive, close\r\n", "1.0"), " close "},
    });
}

// Bounds: what just fits, and one more.
struct Bound {
    std::string name;
    http::Limits limits;
    std::string fits;
    std::string too_much;
    int status;
};

http::Limits head_of(std::size_t bytes) {
    http::Limits limits;
    limits.head_bytes = static_cast<std::uint32_t>(bytes);
    return limits;
}

http::Limits most_fields(std::uint32_t count) {
    http::Limits limits;
    limits.head_fields = count;
    return limits;
}

std::string empty_fields(int count) {
    std::string wire = "GET / HTTP/1.0\r\n";
    for (int i = 0; i < count; ++i) wire += "a:\r\n";
    return wire + "\r\n";
}

std::vector<Bound> bounds() {
    const std::string head = fields("X: y\r\n");
    const std::string request_line = "GET / HTTP/1.1\r\n";
    http::Limits body;
    body.body_bytes = 5;
    return {
        {"r15_head_bytes", head_of(head.size()), head, fields("X: yy\r\n"), 431},
        {"r15_empty_line_counts", head_of(head.size()), head, "\r\n" + head, 431},
        {"r15_name_length", head_of(65536), fields(std::string(65000, 'n') + ": v\r\n"),
         fields(std::string(66000, 'n') + ": v\r\n"), 431},
        {"r15_value_length", head_of(65536 + 100), value(std::string(65536, 'v')),
         value(std::string(65636, 'v')), 431},
        {"r06_request_line", head_of(request_line.size() + 10),
         "GET /" + std::string(8, 'a') + " HTTP/1.0\r\n\r\n",
         "GET /" + std::string(11, 'a') + " HTTP/1.0\r\n\r\n", 414},
        {"r15_head_fields", most_fields(3), fields("A: 1\r\nB: 2\r\n"),
         fields("A: 1\r\nB: 2\r\nC: 3\r\n"), 431},
        {"r15_many_empty_values", most_fields(200), empty_fields(200), empty_fields(201), 431},
        {"r16_body_bytes", body, length("5") + "12345", length("6") + "123456", 413},
    };
}

TEST(HeadFields, bounds_hold_and_one_more_is_refused) {
    for (const Bound& bound : bounds()) {
        SCOPED_TRACE(bound.name);
        expect_head_case({bound.name, bound.fits}, bound.limits);
        expect_head_case({bound.name, bound.too_much, bound.status}, bound.limits);
    }
}

TEST(HeadFields, endless_heads_are_refused_at_the_bound) {
    const http::Limits limits = head_of(100);
    const std::vector<std::pair<std::string, int>> rows = {
        {"", 414}, {"GET /", 414}, {"GET / HTTP/1.1\r\n", 431}, {"GET / HTTP/1.1\r\nX: ", 431}};
    for (const auto& [start, status] : rows) {
        Conversation seen(limits);
        seen.present(start + std::string(100 - start.size(), 'a'));
        EXPECT_EQ(seen.refused(), 0) << start;
        seen.present("a");
        EXPECT_EQ(seen.refused(), status) << start;
        EXPECT_EQ(seen.heads(), 0) << start;
    }
}

}  // namespace
}  // namespace mew::http1
