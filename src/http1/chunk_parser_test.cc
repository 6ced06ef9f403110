// Rules 16 and 19 to 21: bodies, as a client of the codec sees them, and the parser's bounds.
#include "http1/chunk_parser.h"

#include "http1/testing/wire_case.h"

namespace mew::http1 {
namespace {

using std::string_literals::operator""s;

const std::string kHead = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunked(const std::string& body) { return kHead + body; }
std::string size_line(const std::string& line) { return kHead + line + "\r\nhello\r\n0\r\n\r\n"; }
std::string trailers(const std::string& lines) { return kHead + "0\r\n" + lines + "\r\n"; }

std::vector<WireCase> sizes() {
    return {
        {"r19_one_digit_accepted", size_line("5")},
        {"r19_leading_zeros_accepted", size_line("0000000000000005")},
        {"r19_upper_and_lower_hex_accepted",
         chunked("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n")},
        {"r19_long_last_chunk_accepted", chunked("0000000000000000\r\n\r\n")},
        {"r19_empty_body_accepted", chunked("0\r\n\r\n")},
        {"r19_seventeen_digits", size_line("00000000000000005"), 400},
        {"r19_too_large", chunked("8000000000000000\r\n"), 400},
        {"r19_all_ones", chunked("ffffffffffffffff\r\n"), 400},
        {"r19_sum_too_large", chunked("1\r\na\r\n7fffffffffffffff\r\n"), 400},
        {"r19_largest", chunked("7fffffffffffffff\r\nx"), -1},
        {"r19_largest_sum", chunked("1\r\na\r\n7ffffffffffffffe\r\nx"), -1},
        {"r19_wraps_at_64_bits", chunked("10000000000000005\r\nhello\r\n0\r\n\r\n"), 400},
        {"r19_wraps_at_32_bits", chunked("100000005\r\nhello\r\n0\r\n\r\n"), -1},
        {"r19_empty_line", size_line(""), 400},
        {"r19_plus", size_line("+5"), 400},
        {"r19_minus", size_line("-5"), 400},
        {"r19_minus_zero", chunked("-0\r\n\r\n"), 400},
        {"r19_0x", size_line("0x5"), 400},
        {"r19_underscore", size_line("0_5"), 400},
        {"r19_space_before", size_line(" 5"), 400},
        {"r19_space_after", size_line("5 "), 400},
        {"r19_tab_after", size_line("5\t"), 400},
        {"r19_not_hex", size_line("g"), 400},
        {"r19_nul_after", size_line("5\0"s), 400},
        {"r19_full_width_digit", size_line("\xef\xbc\x95"), 400},
        {"r19_bare_lf_after_size", chunked("5\nhello\r\n0\r\n\r\n"), 400},
        {"r19_bare_cr_after_size", chunked("5\rhello\r\n0\r\n\r\n"), 400},
        {"r19_cr_cr_lf_after_size", chunked("5\r\r\nhello\r\n0\r\n\r\n"), 400},
        {"r19_bare_lf_after_data", chunked("5\r\nhello\n0\r\n\r\n"), 400},
        {"r19_bare_cr_after_data", chunked("5\r\nhello\r0\r\n\r\n"), 400},
        {"r19_nothing_after_data", chunked("5\r\nhello0\r\n\r\n"), 400},
        {"r19_data_longer_than_size", chunked("5\r\nhello!\r\n0\r\n\r\n"), 400},
        {"r19_data_shorter_than_size", chunked("5\r\nhell\r\n0\r\n\r\n"), 400},
        {"r19_empty_line_between_chunks", chunked("1\r\na\r\n\r\n0\r\n\r\n"), 400},
        {"r19_bare_lf_after_last_chunk", chunked("0\n\r\n"), 400},
        {"r19_bare_lf_ends_body", chunked("0\r\n\n"), 400},
        {"r19_cr_cr_lf_ends_body", chunked("0\r\n\r\r\n"), 400},
    };
}

std::vector<WireCase> extensions() {
    return {
        {"r19_extension_name_accepted", size_line("5;a")},
        {"r19_extension_value_accepted", size_line("5;a=b;c=d")},
        {"r19_extension_quoted_accepted", size_line("5;a=\"b; c\\\"d\"")},
        {"r19_extension_quoted_empty_accepted", size_line("5;a=\"\"")},
        {"r19_extension_of_last_chunk_accepted", chunked("0;a=b\r\n\r\n")},
        {"r19_extension_empty", size_line("5;"), 400},
        {"r19_extension_empty_between", size_line("5;;a"), 400},
        {"r19_extension_no_name", size_line("5;=b"), 400},
        {"r19_extension_no_value", size_line("5;a="), 400},
        {"r19_extension_two_values", size_line("5;a=b=c"), 400},
        {"r19_extension_quoted_name", size_line("5;\"a\""), 400},
        {"r19_extension_quote_not_closed", size_line("5;a=\"b"), 400},
        {"r19_extension_quote_ends_escaped", size_line("5;a=\"b\\"), 400},
        {"r19_extension_text_after_quote", size_line("5;a=\"b\"c"), 400},
        {"r19_extension_comma", size_line("5,a"), 400},
        {"r19_extension_space_before", size_line("5 ;a"), 400},
        {"r19_extension_space_after", size_line("5; a"), 400},
        {"r19_extension_space_around_equals", size_line("5;a = b"), 400},
        {"r19_extension_bare_lf", chunked("5;a\nhello\r\n0\r\n\r\n"), 400},
        {"r19_extension_quoted_lf", chunked("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"), 400},
        {"r19_extension_quoted_cr", size_line("5;a=\"\r\""), 400},
        {"r19_extension_quoted_nul", size_line("5;a=\"\0\""s), 400},
        {"r19_extension_escaped_ctl", size_line("5;a=\"\\\x01\""), 400},
    };
}

std::vector<WireCase> trailer_lines() {
    std::vector<WireCase> rows = {
        {"r20_trailer_accepted", trailers("X-Sum: abc\r\n")},
        {"r20_trailers_accepted", trailers("X-Sum: abc\r\nX-Other:\r\nServer-Timing: a;b\r\n")},
        {"r20_no_colon", trailers("X-Sum abc\r\n"), 400},
        {"r20_space_before_colon", trailers("X-Sum : abc\r\n"), 400},
        {"r20_empty_name", trailers(": abc\r\n"), 400},
        {"r20_bad_name", trailers("X(Sum): abc\r\n"), 400},
        {"r20_nul_in_value", trailers("X-Sum: a\0c\r\n"s), 400},
        {"r20_cr_in_value", trailers("X-Sum: a\rc\r\n"), 400},
        {"r20_bare_lf", trailers("X-Sum: abc\n"), 400},
        {"r09_folded_trailer", trailers("X-Sum: abc\r\n def\r\n"), 400},
        {"r09_space_before_first_trailer", trailers(" X-Sum: abc\r\n"), 400},
        {"r20_request_line_as_trailer", trailers("GET /x HTTP/1.1\r\n"), 400},
    };
    for (const char* name : {"Transfer-Encoding",
                             "content-length",
                             "HOST",
                             "Connection",
                             "Trailer",
                             "TE",
                             "Upgrade",
                             "Expect",
                             "Authorization",
                             "Proxy-Authorization",
                             "Cookie",
                             "Set-Cookie",
                             "Content-Encoding",
                             "Content-Type",
                             "Content-Range",
                             "Range",
                             "Forwarded",
                             "X-Forwarded-For",
                             "X-Forwarded-Host",
                             "X-Forwarded-Proto",
                             "X-Real-Ip"}) {
        std::string id = name;
        std::replace(id.begin(), id.end(), '-', '_');
        rows.push_back({"r20_forbidden_" + id, trailers(std::string(name) + ": 1\r\n"), 400});
    }
    return rows;
}

// Status -1: neither refused nor complete, as bytes are missing.
class BodyRules : public testing::TestWithParam<WireCase> {};
TEST_P(BodyRules, hold) {
    if (GetParam().status >= 0) return expect_body_case(GetParam());
    const auto seen = converse(GetParam().wire, {});
    EXPECT_EQ(seen->refused(), 0);
    EXPECT_EQ(seen->heads(), 1);
    EXPECT_EQ(seen->bodies(), 0);
}
INSTANTIATE_TEST_SUITE_P(size, BodyRules, testing::ValuesIn(sizes()), case_name);
INSTANTIATE_TEST_SUITE_P(extension, BodyRules, testing::ValuesIn(extensions()), case_name);
INSTANTIATE_TEST_SUITE_P(trailer, BodyRules, testing::ValuesIn(trailer_lines()), case_name);

TEST(ChunkedBody, arrives_whole_and_without_its_framing) {
    const auto good = converse(
        chunked("5;x=y\r\nhello\r\n2\r\n\r\n\r\n9\r\n world0\r\n\r\n0\r\nX-Sum: 1\r\n\r\n"), {});
    EXPECT_EQ(good->refused(), 0) << good->text();
    EXPECT_EQ(good->body(), "hello\r\n world0\r\n");
    EXPECT_EQ(good->events().back(), "end");
    EXPECT_EQ(good->text().find("X-Sum"), std::string::npos) << "a trailer came through";
}

TEST(ChunkedBody, r21_is_never_complete_when_cut) {
    const std::string wire = chunked("5\r\nhello\r\n0\r\nX: y\r\n\r\n");
    for (std::size_t size = kHead.size(); size < wire.size(); ++size) {
        Conversation seen({});
        seen.present(wire.substr(0, size));
        EXPECT_EQ(seen.refused(), 0) << size;
        EXPECT_EQ(seen.bodies(), 0) << size;
    }
}

TEST(LengthBody, r21_is_complete_with_its_last_byte_only) {
    const std::string wire = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
    Conversation seen({});
    for (std::size_t i = 0; i < wire.size(); ++i) {
        EXPECT_EQ(seen.bodies(), 0) << i;
        seen.present(wire.substr(i, 1));
    }
    EXPECT_EQ(seen.bodies(), 1);
    EXPECT_EQ(seen.body(), "hello");
}

struct Bound {
    std::string name;
    http::Limits limits;
    std::string fits;
    std::string too_much;
    int status;
};

std::vector<Bound> bounds() {
    http::Limits body;
    body.body_bytes = 5;
    http::Limits extension;
    extension.chunk_extension_bytes = 4;
    http::Limits trailer;
    trailer.trailer_bytes = 8;
    http::Limits fields;
    fields.head_fields = 2;
    http::Limits none;
    none.chunk_extension_bytes = 0;
    none.trailer_bytes = 0;
    const std::string end = "0\r\n\r\n";
    const std::string quoted(http::Limits{}.chunk_extension_bytes - 5, 'q');
    const std::string longest(http::Limits{}.trailer_bytes - 2, 't');
    return {
        {"r16_body_one_chunk", body, chunked("5\r\nhello\r\n" + end), chunked("6\r\n"), 413},
        {"r16_body_many_chunks", body, chunked("2\r\nhe\r\n3\r\nllo\r\n" + end),
         chunked("2\r\nhe\r\n4\r\n"), 413},
        {"r19_extension_of_one_chunk", extension, chunked("0;abc\r\n\r\n"), chunked("0;abcd\r\n"),
         400},
        {"r19_extensions_of_all_chunks", extension, chunked("1;a\r\nx\r\n0;b\r\n\r\n"),
         chunked("1;a\r\nx\r\n0;bc\r\n"), 400},
        {"r19_extensions_with_short_sizes", extension, chunked("1;abc\r\nx\r\n0\r\n\r\n"),
         chunked("1;abc\r\nx\r\n1;d\r\n"), 400},
        {"r19_extensions_by_default",
         {},
         chunked("0;a=\"" + quoted + "\"\r\n\r\n"),
         chunked("0;a=\"q" + quoted + "\"\r\n"),
         400},
        {"r19_no_extension_at_all", none, chunked(end), chunked("0;a\r\n"), 400},
        {"r20_one_trailer", trailer, trailers("X: 45678\r\n"), trailers("X: 456789\r\n"), 431},
        {"r20_two_trailers", trailer, trailers("X: 4\r\nY: 8\r\n"), trailers("X: 4\r\nY: 89\r\n"),
         431},
        {"r20_trailers_by_default",
         {},
         trailers("a:" + longest + "\r\n"),
         trailers("a:t" + longest + "\r\n"),
         431},
        {"r20_trailer_count", fields, trailers("A:\r\nB:\r\n"), trailers("A:\r\nB:\r\nC:\r\n"),
         431},
        {"r20_no_trailer_at_all", none, chunked(end), trailers("A:\r\n"), 431},
    };
}

TEST(ChunkedBody, bounds_hold_and_one_more_is_refused) {
    for (const Bound& bound : bounds()) {
        SCOPED_TRACE(bound.name);
        expect_body_case({bound.name, bound.fits}, bound.limits);
        expect_body_case({bound.name, bound.too_much, bound.status}, bound.limits);
    }
}

TEST(ChunkedBody, endless_lines_are_refused_at_the_bound) {
    http::Limits limits;
    limits.chunk_extension_bytes = 10;
    limits.trailer_bytes = 10;
    const std::vector<std::pair<std::string, int>> rows = {
        {"0", 400}, {"5;a=", 400}, {"g", 400}, {"0\r\n", 431}, {"0\r\nX:", 431}};
    for (const auto& [start, status] : rows) {
        Conversation seen(limits);
        seen.present(chunked(start));
        for (int i = 0; i < 40 && seen.refused() == 0; ++i) seen.present("1");
        EXPECT_EQ(seen.refused(), status) << start;
        EXPECT_EQ(seen.bodies(), 0) << start;
    }
}

TEST(ChunkParser, starts_anew_after_reset) {
    http::Limits limits;
    limits.body_bytes = 5;
    limits.chunk_extension_bytes = 2;
    limits.trailer_bytes = 4;
    limits.head_fields = 1;
    ChunkParser parser(limits);
    for (int round = 0; round < 3; ++round) {
        std::string_view rest = "5;a\r\nhello\r\n0\r\nX: y\r\n\r\n";
        auto outcome = ChunkParser::Outcome::data;
        while (outcome == ChunkParser::Outcome::data) {
            const ChunkParser::Step step = parser.parse(rest);
            outcome = step.outcome;
            rest.remove_prefix(step.used);
        }
        EXPECT_EQ(outcome, ChunkParser::Outcome::complete) << parser.refusal().reason;
        EXPECT_EQ(rest, "");
        parser.reset();
    }
}

}  // namespace
}  // namespace mew::http1
