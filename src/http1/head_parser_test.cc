// Rules 1 to 7: lines, the request line, target and Host. Fields are in head_fields_test.cc.
#include "http1/head_parser.h"

#include "http1/testing/wire_case.h"

namespace mew::http1 {
namespace {

using std::string_literals::operator""s;

std::string line(const std::string& request_line) { return request_line + "\r\nHost: h\r\n\r\n"; }
std::string host(const std::string& value) {
    return "GET / HTTP/1.1\r\nHost: " + value + "\r\n\r\n";
}
std::string target(const std::string& text) { return line("GET " + text + " HTTP/1.1"); }

std::vector<WireCase> lines() {
    return {
        {"r01_crlf_accepted", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
        {"r01_bare_lf_after_request_line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 400},
        {"r01_bare_lf_after_field", "GET / HTTP/1.1\r\nHost: h\n\r\n", 400},
        {"r01_bare_lf_ends_head", "GET / HTTP/1.1\r\nHost: h\r\n\n", 400},
        {"r01_only_bare_lf", "GET / HTTP/1.1\nHost: h\n\n", 400},
        {"r01_bare_cr_in_request_line", "GET / HTTP/1.1\rHost: h\r\n\r\n", 400},
        {"r01_bare_cr_in_field", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", 400},
        {"r01_cr_cr_lf_after_request_line", "GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", 400},
        {"r01_cr_cr_lf_after_field", "GET / HTTP/1.1\r\nHost: h\r\r\n\r\n", 400},
        {"r01_cr_cr_lf_ends_head", "GET / HTTP/1.1\r\nHost: h\r\n\r\r\n", 400},
        {"r01_lf_first", "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"r02_one_empty_line_accepted", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
        {"r02_two_empty_lines", "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"r02_cr_cr_lf_first", "\r\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"r02_space_before_request_line", " GET / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
        {"r02_space_before_first_field", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", 400},
        {"r02_tab_before_first_field", "GET / HTTP/1.1\r\n\tX: y\r\nHost: h\r\n\r\n", 400},
        {"r02_blank_line_of_space", "GET / HTTP/1.1\r\n \r\nHost: h\r\n\r\n", 400},
    };
}

std::vector<WireCase> request_lines() {
    return {
        {"r03_http_1_0_accepted", line("GET / HTTP/1.0")},
        {"r03_two_spaces_before_target", line("GET  / HTTP/1.1"), 400},
        {"r03_two_spaces_after_target", line("GET /  HTTP/1.1"), 400},
        {"r03_space_at_end", line("GET / HTTP/1.1 "), 400},
        {"r03_tab_for_space", line("GET\t/\tHTTP/1.1"), 400},
        {"r03_tab_before_version", line("GET /\tHTTP/1.1"), 400},
        {"r03_four_words", line("GET / x HTTP/1.1"), 400},
        {"r03_http_0_9", "GET /\r\n", 400},
        {"r03_method_alone", "GET\r\n\r\n", 400},
        {"r03_no_target", line("GET HTTP/1.1"), 400},
        {"r03_empty_version", line("GET / "), 400},
        {"r03_lower_case_http", line("GET / http/1.1"), 400},
        {"r03_other_protocol", line("GET / ICAP/1.1"), 400},
        {"r03_no_minor", line("GET / HTTP/1"), 400},
        {"r03_long_minor", line("GET / HTTP/1.10"), 400},
        {"r03_long_major", line("GET / HTTP/01.1"), 400},
        {"r03_letters_in_version", line("GET / HTTP/1.x"), 400},
        {"r03_comma_in_version", line("GET / HTTP/1,1"), 400},
        {"r03_http_0_9_by_name", line("GET / HTTP/0.9"), 505},
        {"r03_http_1_2", line("GET / HTTP/1.2"), 505},
        {"r03_http_2_0", line("GET / HTTP/2.0"), 505},
        {"r03_http_2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"r03_tls_hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, 400},
        {"r03_first_byte_nul", "\0"s, 400},
        {"r03_first_byte_brace", "{\"a\": 1}", 400},
        {"r04_unknown_method_accepted", line("BREW / HTTP/1.1")},
        {"r04_case_kept_accepted", line("get / HTTP/1.1")},
        {"r04_every_tchar_accepted", line("!#$%&'*+-.^_`|~09AZaz / HTTP/1.1")},
        {"r04_32_letters_accepted", line(std::string(32, 'M') + " / HTTP/1.1")},
        {"r04_33_letters", line(std::string(33, 'M') + " / HTTP/1.1"), 400},
        {"r04_not_a_token", line("GE(T / HTTP/1.1"), 400},
        {"r04_colon", line("GET: / HTTP/1.1"), 400},
        {"r04_nul_in_method", line("G\0T / HTTP/1.1"s), 400},
        {"r04_high_byte_in_method", line("G\xc3\x89T / HTTP/1.1"), 400},
        {"r04_connect", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n", 501},
        {"r04_connect_with_path", line("CONNECT / HTTP/1.1"), 501},
        {"r27_trace_is_the_apps_accepted", line("TRACE / HTTP/1.1")},
    };
}

std::vector<WireCase> targets() {
    return {
        {"r05_path_and_query_accepted", target("/a/b?c=d&e")},
        {"r05_every_printable_accepted", target("/!\"$%&'()*+,-.;<=>?@[\\]^_`{|}~")},
        {"r05_double_slash_accepted", target("//a//b")},
        {"r05_fragment", target("/a#b"), 400},
        {"r05_nul", target("/a\0b"s), 400},
        {"r05_del", target("/a\x7f"), 400},
        {"r05_ctl", target("/a\x01"), 400},
        {"r05_tab", target("/a\tb"), 400},
        {"r05_utf_8", target("/\xc3\xa9"), 400},
        {"r05_latin_1", target("/\xe9"), 400},
        {"r05_absolute_accepted", target("http://x.example:81/p?q")},
        {"r05_absolute_upper_case_accepted", target("HTTP://x/")},
        {"r05_absolute_https_accepted", target("https://x/")},
        {"r05_absolute_no_path_accepted", target("http://x")},
        {"r05_absolute_only_query_accepted", target("http://x?q")},
        {"r05_absolute_ipv6_accepted", target("http://[::1]:8000/")},
        {"r05_absolute_other_scheme", target("ftp://x/"), 400},
        {"r05_absolute_userinfo", target("http://u@x/"), 400},
        {"r05_absolute_userinfo_password", target("http://u:p@x/"), 400},
        {"r05_absolute_empty_host", target("http:///p"), 400},
        {"r05_absolute_only_port", target("http://:80/"), 400},
        {"r05_absolute_port_not_numeric", target("http://x:8o/"), 400},
        {"r05_absolute_backslash_in_host", target("http://x\\y/"), 400},
        {"r05_absolute_one_slash", target("http:/x"), 400},
        {"r05_absolute_without_host_field", "GET http://x/ HTTP/1.1\r\n\r\n", 400},
        {"r05_absolute_no_path_for_options_accepted", line("OPTIONS http://x HTTP/1.1")},
        {"r05_scheme_relative_word", target("x/y"), 400},
        {"r05_authority_form", target("x:80"), 400},
        {"r05_star_for_options_accepted", line("OPTIONS * HTTP/1.1")},
        {"r05_star_for_get", target("*"), 400},
        {"r05_star_for_lower_options", line("options * HTTP/1.1"), 400},
        {"r05_star_and_more", line("OPTIONS *x HTTP/1.1"), 400},
        {"r06_line_of_8000_accepted", target("/" + std::string(8000 - 14, 'a'))},
        {"r06_line_of_32768", target("/" + std::string(32768, 'a')), 414},
    };
}

std::vector<WireCase> hosts() {
    return {
        {"r07_name_accepted", host("example.com")},
        {"r07_name_and_port_accepted", host("example.com:8000")},
        {"r07_empty_port_accepted", host("example.com:")},
        {"r07_highest_port_accepted", host("h:65535")},
        {"r07_ipv4_accepted", host("127.0.0.1:80")},
        {"r07_ipv6_accepted", host("[2001:db8::1]:80")},
        {"r07_ipv6_with_ipv4_accepted", host("[::ffff:127.0.0.1]")},
        {"r07_underscore_accepted", host("my_app")},
        {"r07_percent_accepted", host("a%2Fb")},
        {"r07_none_in_1_0_accepted", "GET / HTTP/1.0\r\n\r\n"},
        {"r07_none_in_1_1", "GET / HTTP/1.1\r\n\r\n", 400},
        {"r07_two", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"r07_two_equal", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", 400},
        {"r07_two_in_1_0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"r07_empty", host(""), 400},
        {"r07_only_port", host(":80"), 400},
        {"r07_port_too_large", host("h:65536"), 400},
        {"r07_port_of_six_digits", host("h:000080"), 400},
        {"r07_port_not_numeric", host("h:80a"), 400},
        {"r07_port_signed", host("h:+80"), 400},
        {"r07_two_ports", host("h:80:80"), 400},
        {"r07_blank_inside", host("a b"), 400},
        {"r07_slash", host("a/b"), 400},
        {"r07_userinfo", host("u@h"), 400},
        {"r07_fragment", host("h#x"), 400},
        {"r07_question_mark", host("h?x"), 400},
        {"r07_backslash", host("h\\x"), 400},
        {"r07_quote", host("h\"x"), 400},
        {"r07_utf_8", host("\xc3\xa9.example"), 400},
        {"r07_lone_percent", host("a%"), 400},
        {"r07_percent_not_hex", host("a%zz"), 400},
        {"r07_ipv6_not_closed", host("[::1"), 400},
        {"r07_ipv6_not_an_address", host("[:::::]"), 400},
        {"r07_ipv6_empty", host("[]"), 400},
        {"r07_ipv6_zone", host("[fe80::1%25eth0]"), 400},
        {"r07_ipv6_tail", host("[::1]x"), 400},
        {"r07_ipv6_without_brackets", host("::1"), 400},
        {"r07_ipv6_nul", host("[::1\0]"s), 400},
        {"r07_ipv_future", host("[v1.x]"), 400},
    };
}

class HeadRules : public testing::TestWithParam<WireCase> {};
TEST_P(HeadRules, hold) { expect_head_case(GetParam()); }
INSTANTIATE_TEST_SUITE_P(line, HeadRules, testing::ValuesIn(lines()), case_name);
INSTANTIATE_TEST_SUITE_P(request_line, HeadRules, testing::ValuesIn(request_lines()), case_name);
INSTANTIATE_TEST_SUITE_P(target, HeadRules, testing::ValuesIn(targets()), case_name);
INSTANTIATE_TEST_SUITE_P(host, HeadRules, testing::ValuesIn(hosts()), case_name);

// What the parts of a target become; the rest of the head is the same for all.
struct TargetParts {
    std::string target, path, query, authority;
    std::string method = "GET";
};

TEST(HeadParser, takes_targets_apart) {
    const std::vector<TargetParts> rows = {
        {"/", "/", "", "h"},
        {"/a?b", "/a", "b", "h"},
        {"/a?", "/a", "", "h"},
        {"/a?b?c", "/a", "b?c", "h"},
        {"/?http://x/", "/", "http://x/", "h"},
        {"//x/y", "//x/y", "", "h"},
        {"http://x:81/a/b?c", "/a/b", "c", "x:81"},
        {"http://x", "/", "", "x"},
        {"http://x?c/d", "/", "c/d", "x"},
        {"https://[::1]:8/?", "/", "", "[::1]:8"},
        {"*", "*", "", "h", "OPTIONS"},
        {"/*", "/*", "", "h", "OPTIONS"},
        {"http://x", "*", "", "x", "OPTIONS"},
        {"http://x:81", "*", "", "x:81", "OPTIONS"},
        {"http://x/", "/", "", "x", "OPTIONS"},
        {"http://x?", "/", "", "x", "OPTIONS"},
        {"http://x?q", "/", "q", "x", "OPTIONS"},
        {"http://x", "/", "", "x", "options"},
        {"http://x", "/", "", "x", "HEAD"},
    };
    for (const TargetParts& row : rows) {
        const auto seen = converse(line(row.method + " " + row.target + " HTTP/1.1"), {});
        ASSERT_EQ(seen->heads(), 1) << row.target;
        const std::string& head = seen->events()[0];
        EXPECT_NE(head.find("target[" + row.target + "] path[" + row.path + "] query[" + row.query +
                            "] authority[" + row.authority + "]"),
                  std::string::npos)
            << head;
    }
}

TEST(HeadParser, authority_of_the_target_replaces_host_in_any_order) {
    const auto seen = converse("GET http://real/ HTTP/1.1\r\nHost: other\r\n\r\n", {});
    ASSERT_EQ(seen->heads(), 1);
    EXPECT_NE(seen->events()[0].find("authority[real]"), std::string::npos) << seen->text();
    EXPECT_NE(seen->events()[0].find("absolute"), std::string::npos) << seen->text();
}

TEST(HeadParser, refuses_before_the_head_is_complete) {
    // An attacker who never ends the head is not waited for.
    for (const char* start : {"GET / HTTP/3.0\r\n", "{", "GET / HTTP/1.1\r\nbad line\r\n"}) {
        Conversation seen({});
        seen.present(start);
        EXPECT_NE(seen.refused(), 0) << start;
    }
}

}  // namespace
}  // namespace mew::http1
