// Answers of FastCGI: heads and bodies in records, what is said to whom, and what is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/fastcgi_codec.h"
#include "gateway/testing/packets.h"
#include "http/testing/conversation.h"

namespace mew::gateway {
namespace {

using http::Answers;
using http::Conversation;

std::unique_ptr<http::Codec> make_fastcgi(const http::Limits& limits) {
    return std::make_unique<FastcgiCodec>(limits);
}

// A codec in the middle of a request.
class FastcgiAnswer : public testing::Test {
protected:
    void open(const std::string& wire) { conversation_.present(wire); }
    http::BodyPlan head(http::ResponseHead head, bool close_after = false) {
        EXPECT_TRUE(head.check());
        return codec().encode_head(1, head, close_after, out_);
    }
    http::Codec& codec() { return conversation_.codec(); }
    Conversation conversation_{make_fastcgi, {}, Answers::never};
    std::string out_;
};

http::ResponseHead response(int status, std::vector<http::Header> headers = {}) {
    http::ResponseHead head;
    head.status = status;
    head.headers = std::move(headers);
    return head;
}

TEST_F(FastcgiAnswer, IsACgiHeadInRecords) {
    open(fastcgi_request(3, plain_get(), "", true));
    const http::BodyPlan plan = head(response(404, {{"X-A", "b"}, {"Connection", "close"}}));
    EXPECT_TRUE(plan.has_body);
    EXPECT_FALSE(plan.closes);
    EXPECT_TRUE(plan.ends_by_close) << "nginx takes a close for the end, kept or not";
    EXPECT_LE(plan.piece, 65535U);
    codec().encode_body_prefix(1, 3, out_);
    out_ += "abc";
    codec().encode_body_suffix(1, out_);
    codec().encode_body_prefix(1, 0, out_);
    codec().encode_body_suffix(1, out_);
    codec().encode_end(1, out_);
    EXPECT_EQ(fastcgi_text(out_),
              "out3[Status: 404 Not Found\r\nX-A: b\r\n\r\n]out3[abc]out3[]end3[0]");
}

TEST_F(FastcgiAnswer, ClosesWhereNotAskedToKeep) {
    open(fastcgi_request(1, plain_get()));
    const http::BodyPlan plan = head(response(200));
    EXPECT_TRUE(plan.closes);
    EXPECT_TRUE(plan.ends_by_close) << "nginx then takes the close for the end";
}

TEST_F(FastcgiAnswer, WithALengthNeedsNoClose) {
    open(fastcgi_request(1, plain_get()));
    EXPECT_FALSE(head(response(200, {{"Content-Length", "2"}})).ends_by_close);
}

TEST_F(FastcgiAnswer, ClosesWhereTheServerWantsIt) {
    open(fastcgi_request(1, plain_get(), "", true));
    EXPECT_TRUE(head(response(204), true).closes);
}

TEST_F(FastcgiAnswer, HeadLargerThanARecord) {
    open(fastcgi_request(1, plain_get()));
    const std::string value(70000, 'v');
    head(response(200, {{"X-A", value}}));
    codec().encode_end(1, out_);
    EXPECT_EQ(fastcgi_text(out_), "out1[Status: 200 OK\r\nX-A: " + std::string(65528 - 21, 'v') +
                                      "]out1[" + std::string(70000 - (65528 - 21), 'v') +
                                      "\r\n\r\n]out1[]end1[0]");
}

TEST_F(FastcgiAnswer, BrokenOneNeverLooksComplete) {
    open(fastcgi_request(1, plain_get(), "", true));
    head(response(200));
    const std::string before = out_;
    EXPECT_TRUE(codec().encode_abort(1, out_));
    EXPECT_EQ(out_, before) << "no end of the request";
    conversation_.present(fastcgi_request(1, plain_get()));
    EXPECT_EQ(conversation_.heads(), 1);
}

TEST_F(FastcgiAnswer, RefusedRequestIsAnsweredInRecords) {
    open(fastcgi_request(4, with(plain_get(), "HTTP_HOST", "a b")));
    EXPECT_EQ(conversation_.refused(), 400);
    http::ResponseHead refusal = response(400);
    refusal.implied_length = 2;
    head(refusal, true);
    codec().encode_body_prefix(0, 2, out_);
    out_ += "no";
    codec().encode_end(0, out_);
    EXPECT_EQ(fastcgi_text(out_),
              "out4[Status: 400 Bad Request\r\nContent-Length: 2\r\n\r\n]out4[no]out4[]end4[0]");
}

TEST_F(FastcgiAnswer, HttpIsAnsweredInHttp) {
    open("GET / HTTP/1.1\r\n\r\n");
    http::ResponseHead refusal = response(400);
    refusal.implied_length = 2;
    EXPECT_TRUE(head(refusal, true).has_body);
    codec().encode_body_prefix(0, 2, out_);
    out_ += "no";
    codec().encode_end(0, out_);
    EXPECT_EQ(out_, "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno");
}

TEST_F(FastcgiAnswer, NothingIsSaidToWhoSpeaksNeither) {
    open(fastcgi_request(1, plain_get(), "", true));
    head(response(204));
    codec().encode_end(1, out_);
    out_.clear();
    conversation_.present("\x02garbage");
    EXPECT_EQ(conversation_.refused(), 400);
    EXPECT_FALSE(head(response(400), true).has_body);
    codec().encode_end(0, out_);
    EXPECT_EQ(out_, "");
}

}  // namespace
}  // namespace mew::gateway
