// Answers: framing, dropped headers, Date and Server, the end of the connection (rules 28 to 32).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http1/testing/wire_case.h"

namespace mew::http1 {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A codec that has just seen one request, ready to answer it.
class Answer {
public:
    explicit Answer(const std::string& request) : conversation_({}, Answers::never) {
        conversation_.present(request);
    }
    explicit Answer(const std::string& method, const std::string& version,
                    const std::string& connection = "")
        : Answer(method + " / HTTP/" + version + "\r\nHost: h\r\n" +
                 (connection.empty() ? "" : "Connection: " + connection + "\r\n") + "\r\n") {}

    // The head that goes out; check() as every driver does first.
    const std::string& head(http::ResponseHead& answer, bool close_after = false) {
        EXPECT_TRUE(answer.check());
        out_.clear();
        plan_ = conversation_.codec().encode_head(1, answer, close_after, out_);
        return out_;
    }
    // The bytes for a piece of body.
    std::string piece(std::string_view bytes) {
        std::string out;
        conversation_.codec().encode_body_prefix(1, bytes.size(), out);
        out += bytes;
        conversation_.codec().encode_body_suffix(1, out);
        return out;
    }
    std::string end() {
        std::string out;
        conversation_.codec().encode_end(1, out);
        return out;
    }
    const http::BodyPlan& plan() const { return plan_; }
    http::Codec& codec() { return conversation_.codec(); }

private:
    Conversation conversation_;
    std::string out_;
    http::BodyPlan plan_;
};

http::ResponseHead response(int status, std::vector<http::Header> headers = {}) {
    http::ResponseHead head;
    head.status = status;
    head.headers = std::move(headers);
    return head;
}

int count(const std::string& text, std::string_view part) {
    int found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
    return found;
}

// How an answer of a kind is delimited.
struct Framed {
    std::string name;
    std::string method, version, connection;
    int status;
    bool given_length;
    bool implied_length;
    // expected
    bool has_body;
    bool says_length, says_chunked, closes;
};

// clang-format off
const std::vector<Framed> kFramed = {
    // name                  method  ver.   connection  stat  given  implied | body  length chunk close
    {"length",               "GET",  "1.1", "",           200, true,  false,  true,  true,  false, false},
    {"implied",              "GET",  "1.1", "",           200, false, true,   true,  true,  false, false},
    {"given_wins",           "GET",  "1.1", "",           200, true,  true,   true,  true,  false, false},
    {"r31_chunked",          "GET",  "1.1", "",           200, false, false,  true,  false, true,  false},
    {"chunked_and_close",    "GET",  "1.1", "close",      200, false, false,  true,  false, true,  true},
    {"length_and_close",     "GET",  "1.1", "close",      200, true,  false,  true,  true,  false, true},
    {"http10",               "GET",  "1.0", "",           200, true,  false,  true,  true,  false, true},
    {"http10_keeps_alive",   "GET",  "1.0", "keep-alive", 200, true,  false,  true,  true,  false, false},
    {"http10_implied",       "GET",  "1.0", "keep-alive", 200, false, true,   true,  true,  false, false},
    {"r31_http10_no_length", "GET",  "1.0", "keep-alive", 200, false, false,  true,  false, false, true},
    {"r30_head",             "HEAD", "1.1", "",           200, true,  false,  false, true,  false, false},
    {"r30_head_implied",     "HEAD", "1.1", "",           200, false, true,   false, true,  false, false},
    {"r30_head_no_length",   "HEAD", "1.1", "",           200, false, false,  false, false, false, false},
    {"r30_head_http10",      "HEAD", "1.0", "keep-alive", 200, false, false,  false, false, false, false},
    {"r30_204",              "GET",  "1.1", "",           204, false, false,  false, false, false, false},
    {"r30_204_length",       "GET",  "1.1", "",           204, true,  false,  false, false, false, false},
    {"r30_204_implied",      "GET",  "1.1", "",           204, false, true,   false, false, false, false},
    {"r30_204_http10",       "GET",  "1.0", "keep-alive", 204, false, false,  false, false, false, false},
    {"r30_304",              "GET",  "1.1", "",           304, false, false,  false, false, false, false},
    {"r30_304_length",       "GET",  "1.1", "",           304, true,  false,  false, true,  false, false},
    {"r30_304_implied",      "GET",  "1.1", "",           304, false, true,   false, false, false, false},
    {"error_keeps_alive",    "GET",  "1.1", "",           500, true,  false,  true,  true,  false, false},
};
// clang-format on

TEST(EncodeHead, frames_every_kind_of_answer) {
    for (const Framed& row : kFramed) {
        SCOPED_TRACE(row.name);
        Answer answer(row.method, row.version, row.connection);
        http::ResponseHead head = response(row.status);
        if (row.given_length) head.headers.push_back({"Content-Length", "5"});
        if (row.implied_length) head.implied_length = 5;
        const std::string& out = answer.head(head);
        EXPECT_EQ(answer.plan().has_body, row.has_body);
        EXPECT_EQ(answer.plan().closes, row.closes);
        EXPECT_EQ(count(out, "Content-Length: 5\r\n"), row.says_length ? 1 : 0) << out;
        EXPECT_EQ(count(out, "ength"), row.says_length ? 1 : 0) << out;
        EXPECT_EQ(count(out, "Transfer-Encoding: chunked\r\n"), row.says_chunked ? 1 : 0) << out;
        EXPECT_EQ(count(out, "Connection: close\r\n"), row.closes ? 1 : 0) << out;
        EXPECT_EQ(count(out, "Connection: keep-alive\r\n"),
                  row.version == "1.0" && !row.closes ? 1 : 0)
            << out;
        if (row.has_body) {
            EXPECT_EQ(answer.plan().length, row.says_length ? 5 : UINT64_MAX);
        }
        const std::string framed = row.says_chunked ? "5\r\nhello\r\n" : "hello";
        EXPECT_EQ(answer.piece("hello"), framed);
        EXPECT_EQ(answer.end(), row.says_chunked ? "0\r\n\r\n" : "");
    }
}

TEST(EncodeHead, is_one_head_with_one_end) {
    Answer answer("GET", "1.1");
    http::ResponseHead head = response(200, {{"X-A", "1"}, {"Content-Length", "0"}});
    const std::string out = answer.head(head);
    EXPECT_THAT(out, StartsWith("HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 0\r\n"));
    EXPECT_EQ(out.find("\r\n\r\n"), out.size() - 4);
    EXPECT_EQ(count(out, "\n"), count(out, "\r\n"));
}

TEST(EncodeHead, status_lines) {
    struct Row {
        int status;
        std::string_view reason, line;
    };
    for (const Row& row :
         {Row{200, "", "HTTP/1.1 200 OK\r\n"}, Row{200, "Fine", "HTTP/1.1 200 Fine\r\n"},
          Row{404, "", "HTTP/1.1 404 Not Found\r\n"},
          Row{404, "No Such Cat", "HTTP/1.1 404 No Such Cat\r\n"},
          Row{299, "", "HTTP/1.1 299 \r\n"}, Row{999, "", "HTTP/1.1 999 \r\n"},
          Row{200, "D\xc3\xa9j\xc3\xa0", "HTTP/1.1 200 D\xc3\xa9j\xc3\xa0\r\n"}}) {
        Answer answer("GET", "1.1");
        http::ResponseHead head = response(row.status);
        head.reason = row.reason;
        EXPECT_THAT(answer.head(head), StartsWith(row.line));
    }
}

TEST(EncodeHead, r29_hop_by_hop_headers_are_dropped) {
    for (const std::string_view name :
         {"Keep-Alive", "Transfer-Encoding", "Upgrade", "TE", "Trailer", "Proxy-Connection",
          "proxy-authenticate", "PROXY-AUTHORIZATION", "connection"}) {
        Answer answer("GET", "1.1");
        http::ResponseHead head = response(200, {{name, "dropped-value"}, {"X-Kept", "yes"}});
        head.implied_length = 0;
        const std::string out = answer.head(head);
        EXPECT_THAT(out, Not(HasSubstr("dropped-value"))) << name;
        EXPECT_THAT(out, HasSubstr("X-Kept: yes\r\n"));
        EXPECT_EQ(head.dropped_name, name) << "nothing to warn of";
    }
}

TEST(EncodeHead, apps_cannot_frame_the_answer_themselves) {
    Answer answer("GET", "1.1");
    http::ResponseHead head =
        response(200, {{"Transfer-Encoding", "chunked"}, {"Content-Length", "5"}});
    const std::string out = answer.head(head);
    EXPECT_THAT(out, Not(HasSubstr("chunked")));
    EXPECT_EQ(answer.piece("hello"), "hello");
}

TEST(EncodeHead, app_may_end_the_connection) {
    for (const std::string_view value : {"close", "Close", "x, close"}) {
        Answer answer("GET", "1.1");
        http::ResponseHead head = response(200, {{"Connection", value}});
        head.implied_length = 0;
        EXPECT_EQ(count(answer.head(head), "Connection: "), 1);
        EXPECT_TRUE(answer.plan().closes) << value;
    }
    Answer answer("GET", "1.0");
    http::ResponseHead head = response(200, {{"Connection", "keep-alive"}});
    head.implied_length = 0;
    EXPECT_THAT(answer.head(head), HasSubstr("Connection: close\r\n"));
}

TEST(EncodeHead, driver_may_end_the_connection) {
    for (const std::string version : {"1.1", "1.0"}) {
        Answer answer("GET", version, "keep-alive");
        http::ResponseHead head = response(200);
        head.implied_length = 0;
        const std::string out = answer.head(head, true);
        EXPECT_EQ(count(out, "Connection: close\r\n"), 1);
        EXPECT_EQ(count(out, "keep-alive"), 0);
        EXPECT_TRUE(answer.plan().closes);
    }
}

TEST(EncodeHead, r32_date_and_server_stand_once) {
    const std::string apps_date = "Sun, 06 Nov 1994 08:49:37 GMT";
    struct Row {
        std::vector<http::Header> headers;
        std::string_view has, has_not;
    };
    const std::vector<Row> rows = {
        {{}, "Server: mewsgi\r\n", "mewsgi/"},
        {{{"Server", "cat"}}, "Server: cat\r\n", "mewsgi"},
        {{{"server", ""}}, "server: \r\n", "mewsgi"},
        {{{"Server", "a"}, {"SERVER", "b"}}, "Server: a\r\n", "SERVER"},
        {{{"Date", apps_date}}, "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", "mewsgi/"},
        {{{"date", apps_date}, {"Date", "x"}}, "date: Sun, 06 Nov 1994", "Date: "},
    };
    for (const Row& row : rows) {
        Answer answer("GET", "1.1");
        http::ResponseHead head = response(200, row.headers);
        const std::string out = answer.head(head);
        EXPECT_THAT(out, HasSubstr(row.has));
        EXPECT_THAT(out, Not(HasSubstr(row.has_not)));
        EXPECT_EQ(count(out, "ate: "), 1) << out;
        EXPECT_EQ(count(out, "erver: ") + count(out, "ERVER: "), 1) << out;
    }
}

TEST(EncodeHead, content_length_said_twice_is_sent_once) {
    Answer answer("GET", "1.1");
    http::ResponseHead head = response(200, {{"Content-Length", "5"}, {"content-length", "5"}});
    const std::string out = answer.head(head);
    EXPECT_EQ(count(out, "ength"), 1) << out;
    EXPECT_EQ(answer.plan().length, 5U);
}

TEST(EncodeBody, chunk_sizes_are_hexadecimal) {
    Answer answer("GET", "1.1");
    http::ResponseHead head = response(200);
    answer.head(head);
    EXPECT_THAT(answer.piece(std::string(0x1a2b, 'x')), StartsWith("1a2b\r\nx"));
    EXPECT_EQ(answer.piece("y"), "1\r\ny\r\n");
    EXPECT_EQ(answer.end(), "0\r\n\r\n");
}

TEST(EncodeBody, empty_piece_never_ends_a_chunked_body) {
    Answer answer("GET", "1.1");
    http::ResponseHead head = response(200);
    answer.head(head);
    EXPECT_EQ(answer.piece(""), "");
    EXPECT_EQ(answer.piece("x"), "1\r\nx\r\n");
    EXPECT_EQ(answer.end(), "0\r\n\r\n");
}

TEST(EncodeBody, r31_cut_answer_has_no_last_chunk) {
    Answer answer("GET", "1.1");
    http::ResponseHead head = response(200);
    answer.head(head);
    answer.piece("x");
    std::string out;
    EXPECT_TRUE(answer.codec().encode_abort(1, out));
    EXPECT_EQ(out, "");
    EXPECT_EQ(answer.end(), "") << "even a driver that ends it afterwards does not complete it";
}

TEST(EncodeContinue, is_an_interim_answer) {
    Answer answer(
        "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
    std::string out;
    answer.codec().encode_continue(1, out);
    EXPECT_EQ(out, "HTTP/1.1 100 Continue\r\n\r\n");
    http::ResponseHead head = response(200);
    EXPECT_THAT(answer.head(head), StartsWith("HTTP/1.1 200 OK\r\n"));
}

// What the server itself answers to a request it refused.
struct RefusedRequest {
    std::string wire;
    bool has_body;
    bool chunked;
};

TEST(EncodeRefusal, closes_and_keeps_to_what_could_be_read) {
    for (const RefusedRequest& row :
         std::vector<RefusedRequest>{{"GET / HTTP/1.1\r\nBad Name: x\r\n", true, true},
                                     {"GET / HTTP/1.0\r\nBad Name: x\r\n", true, false},
                                     {"HEAD / HTTP/1.1\r\nBad Name: x\r\n", false, false},
                                     {"\r\nHEAD / HTTP/1.1\r\nBad Name: x\r\n", false, false},
                                     {"HEAD / HTTP/1.0\r\nBad Name: x\r\n", false, false},
                                     {"HEADER / HTTP/1.1\r\nBad Name: x\r\n", true, true},
                                     {"{", true, true},
                                     {"GET / HTTP/3.0\r\n", true, true}}) {
        Answer answer(row.wire);
        http::ResponseHead head = response(400);
        const std::string out = answer.head(head);
        EXPECT_THAT(out, StartsWith("HTTP/1.1 400 Bad Request\r\n"));
        EXPECT_EQ(count(out, "Connection: close\r\n"), 1) << row.wire;
        EXPECT_TRUE(answer.plan().closes);
        EXPECT_EQ(answer.plan().has_body, row.has_body) << row.wire;
        EXPECT_EQ(count(out, "chunked"), row.chunked ? 1 : 0) << row.wire;
    }
}

TEST(EncodeRefusal, framing_of_one_answer_never_reaches_the_next) {
    // chunked first, then HEAD, then a refusal
    Conversation seen({}, Answers::never);
    seen.present("GET / HTTP/1.1\r\nHost: h\r\n\r\nHEAD / HTTP/1.1\r\nHost: h\r\n\r\nB@D");
    std::string out;
    seen.codec().encode_head(1, {}, false, out);
    seen.codec().encode_end(1, out);
    EXPECT_THAT(out, HasSubstr("\r\n\r\n0\r\n\r\n"));
    seen.present("");
    out.clear();
    EXPECT_FALSE(seen.codec().encode_head(2, {}, false, out).has_body);
    seen.codec().encode_end(2, out);
    EXPECT_THAT(out, Not(HasSubstr("chunked")));
    EXPECT_EQ(out.find("\r\n\r\n"), out.size() - 4) << "an ended HEAD answer has no last chunk";
    seen.present("\r\n");
    EXPECT_EQ(seen.refused(), 400);
    out.clear();
    EXPECT_TRUE(seen.codec().encode_head(3, {}, false, out).has_body);
}

}  // namespace
}  // namespace mew::http1
