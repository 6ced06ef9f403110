// The life of a connection: pipelines, the order of events, what ends it (rules 21 to 25).
#include "http1/codec.h"

#include "http1/testing/wire_case.h"

namespace mew::http1 {
namespace {

const std::string kGet = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string kPost = "POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello";
const std::string kChunked =
    "PUT /3 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const std::string kClose = "GET /4 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const std::string kBad = "GET /5 HTTP/1.1\r\nHost: h\r\nBad Header: x\r\n\r\n";

int answers_in(const std::string& sent) {
    int count = 0;
    for (std::size_t at = 0; (at = sent.find("HTTP/1.1 200 OK\r\n", at)) != std::string::npos;
         ++at) {
        ++count;
    }
    return count;
}

TEST(Pipeline, r25_is_answered_in_order) {
    const std::string wire = kGet + kPost + kChunked + kGet;
    for (const Answers answers :
         {Answers::after_body, Answers::after_head, Answers::inside_callback}) {
        const auto seen = converse(wire, {}, answers);
        EXPECT_EQ(seen->refused(), 0) << seen->text();
        EXPECT_EQ(seen->heads(), 4) << seen->text();
        EXPECT_EQ(seen->bodies(), 4) << seen->text();
        EXPECT_EQ(answers_in(seen->sent()), 4);
        const std::string text = seen->text();
        EXPECT_LT(text.find("[/1]"), text.find("[/2]"));
        EXPECT_LT(text.find("[/2]"), text.find("[/3]"));
    }
}

TEST(Pipeline, second_request_waits_for_the_first_answer) {
    Conversation seen({}, Answers::never);
    seen.present(kGet + kPost);
    EXPECT_EQ(seen.heads(), 1);
    EXPECT_EQ(seen.pending(), kPost) << "bytes of a request that nobody may see yet were taken";
    seen.present("");
    EXPECT_EQ(seen.heads(), 1);
    seen.answer();
    seen.present("");
    EXPECT_EQ(seen.heads(), 2);
    EXPECT_EQ(seen.body(), "hello");
    EXPECT_EQ(seen.broken(), "");
}

TEST(Pipeline, r25_bad_second_request_never_spoils_the_first) {
    for (const std::string& first : {kGet, kPost, kChunked}) {
        Conversation seen({}, Answers::never);
        seen.present(first + kBad);
        EXPECT_EQ(seen.refused(), 0);
        EXPECT_EQ(seen.bodies(), 1);
        seen.answer();
        EXPECT_EQ(seen.sent().find("Connection: close"), std::string::npos);
        seen.present("");
        EXPECT_EQ(seen.refused(), 400);
        EXPECT_EQ(seen.heads(), 1) << "the refused request had a head";
        EXPECT_EQ(answers_in(seen.sent()), 1);
    }
}

TEST(Pipeline, nothing_is_a_request_after_a_refusal) {
    const auto seen = converse(kBad + kGet + kPost, {});
    EXPECT_EQ(seen->refused(), 400);
    EXPECT_EQ(seen->heads(), 0);
    EXPECT_EQ(seen->events().size(), 1U);
    EXPECT_EQ(seen->pending(), "") << "what follows is drained";
}

TEST(Pipeline, nothing_is_a_request_after_a_bad_body) {
    const auto seen = converse(
        "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" +
            kGet,
        {});
    EXPECT_EQ(seen->refused(), 400);
    EXPECT_EQ(seen->heads(), 1);
    EXPECT_EQ(seen->bodies(), 0);
    EXPECT_EQ(seen->pending(), "");
}

TEST(Pipeline, r24_nothing_is_run_after_close) {
    const std::string more = kGet + kBad;
    const std::string http10 = "GET / HTTP/1.0\r\n\r\n";
    const std::string body_and_close =
        "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx";
    for (const std::string& last : {kClose, http10, body_and_close}) {
        for (const Answers answers :
             {Answers::after_body, Answers::after_head, Answers::inside_callback}) {
            const auto seen = converse(last + more, {}, answers);
            EXPECT_EQ(seen->heads(), 1) << seen->text();
            EXPECT_EQ(seen->bodies(), 1) << seen->text();
            EXPECT_EQ(seen->refused(), 0) << seen->text();
            EXPECT_NE(seen->sent().find("Connection: close\r\n"), std::string::npos);
        }
    }
}

TEST(Pipeline, nothing_is_run_when_the_server_closes) {
    Conversation seen({}, Answers::never);
    seen.present(kGet + kGet);
    std::string out;
    EXPECT_TRUE(seen.codec().encode_head(1, {}, true, out).closes);
    seen.codec().encode_end(1, out);
    seen.present("");
    EXPECT_EQ(seen.heads(), 1);
    EXPECT_EQ(seen.pending(), "");
}

TEST(Pipeline, r22_request_in_an_unread_body_never_runs) {
    const std::string hidden = "GET /evil HTTP/1.1\r\nHost: h\r\n\r\n";
    const std::string wire =
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(hidden.size()) +
        "\r\n\r\n" + hidden + kGet;
    const auto seen = converse(wire, {}, Answers::after_head);
    ASSERT_EQ(seen->heads(), 2) << seen->text();
    EXPECT_EQ(seen->text().find("target[/evil]"), std::string::npos);
    EXPECT_NE(seen->events().rbegin()[1].find("target[/1]"), std::string::npos) << seen->text();
}

TEST(Pipeline, empty_line_between_requests_is_forgiven_once) {
    EXPECT_EQ(converse(kPost + "\r\n" + kGet, {})->heads(), 2);
    EXPECT_EQ(converse(kPost + "\r\n\r\n" + kGet, {})->refused(), 400);
}

TEST(Codec, body_goes_on_after_an_early_answer) {
    for (const std::string& request : {kPost, kChunked}) {
        for (const std::size_t behind : split_places(request.size())) {
            const std::size_t at = request.size() - behind;
            if (at < request.find("\r\n\r\n") + 4) continue;
            Conversation seen({}, Answers::never);
            seen.present(request.substr(0, at));
            ASSERT_EQ(seen.heads(), 1) << at;
            ASSERT_EQ(seen.bodies(), 0) << at;
            seen.answer();
            seen.present(request.substr(at) + kGet);
            EXPECT_EQ(seen.bodies(), 2) << at << "\n" << seen.text();
            EXPECT_EQ(seen.heads(), 2) << at;
            EXPECT_EQ(seen.broken(), "") << at;
        }
    }
}

TEST(Codec, bad_rest_of_a_body_is_refused_after_an_early_answer) {
    Conversation seen({}, Answers::after_head);
    seen.present("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    EXPECT_EQ(answers_in(seen.sent()), 1);
    seen.present("xyz\r\n" + kGet);
    EXPECT_EQ(seen.refused(), 400);
    EXPECT_EQ(seen.heads(), 1);
}

TEST(Codec, nothing_comes_after_an_abort) {
    for (const std::size_t at : {kPost.size() - 5, kPost.size() - 2, kPost.size()}) {
        Conversation seen({}, Answers::never);
        seen.present(kPost.substr(0, at));
        const std::size_t before = seen.events().size();
        std::string out;
        EXPECT_TRUE(seen.codec().encode_abort(1, out));
        EXPECT_EQ(out, "");
        seen.present(kPost.substr(at) + kGet);
        EXPECT_EQ(seen.events().size(), before) << seen.text();
        EXPECT_EQ(seen.pending(), "");
    }
}

TEST(Codec, tells_an_idle_connection_from_a_slow_head) {
    Conversation seen({});
    EXPECT_FALSE(seen.codec().inside_head());
    seen.present("G");
    EXPECT_TRUE(seen.codec().inside_head());
    seen.present("ET / HTTP/1.1\r\n");
    EXPECT_TRUE(seen.codec().inside_head());
    seen.present("Host: h\r\n");
    EXPECT_TRUE(seen.codec().inside_head());
    seen.present("\r\n");
    EXPECT_EQ(seen.heads(), 1);
    EXPECT_FALSE(seen.codec().inside_head());
    seen.present("\r\n");
    EXPECT_FALSE(seen.codec().inside_head()) << "an empty line is no request";
    seen.present("GE");
    EXPECT_TRUE(seen.codec().inside_head());
}

TEST(Codec, slow_body_is_not_a_head) {
    Conversation seen({});
    seen.present(kPost.substr(0, kPost.size() - 1));
    EXPECT_FALSE(seen.codec().inside_head());
}

TEST(Codec, empty_input_changes_nothing) {
    Conversation seen({});
    for (std::size_t i = 0; i < kChunked.size(); ++i) {
        seen.present("");
        seen.present(kChunked.substr(i, 1));
    }
    EXPECT_EQ(seen.bodies(), 1);
    EXPECT_EQ(seen.broken(), "");
}

// A head owned by its reader outlives the bytes and is not disturbed by what comes next.
TEST(Codec, head_can_be_owned) {
    struct Owner final : http::StreamEvents {
        void on_head(http::StreamId, http::RequestHead& head) override {
            head.own();
            kept = &head;
        }
        void on_body(http::StreamId, std::string_view) override {}
        void on_body_end(http::StreamId) override {}
        void on_refusal(http::StreamId, const http::Refusal&) override {}
        http::RequestHead* kept = nullptr;
    } owner;
    const http::Limits limits;
    Codec codec(limits);
    for (const std::string path : {"/first", "/second-and-longer-than-any-small-string"}) {
        auto wire = std::make_unique<std::string>("GET " + path + "?q HTTP/1.1\r\nHost: h\r\n\r\n");
        EXPECT_EQ(codec.decode(*wire, owner), wire->size());
        wire.reset();
        ASSERT_NE(owner.kept, nullptr);
        EXPECT_EQ(owner.kept->path(), path);
        EXPECT_EQ(owner.kept->query(), "q");
        EXPECT_EQ(owner.kept->authority(), "h");
        std::string out;
        codec.encode_head(1, {}, false, out);
        codec.encode_end(1, out);
    }
}

}  // namespace
}  // namespace mew::http1
