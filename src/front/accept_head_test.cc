#include "front/accept_head.h"

#include <string>

#include <gtest/gtest.h>

namespace mew::front {
namespace {

std::string names(const http::ResponseHead& head) {
    std::string all;
    for (const http::Header& header : head.headers) {
        if (header.dropped) continue;
        all.append(header.name).append("=").append(header.value).append(";");
    }
    return all;
}

TEST(AcceptHead, EndsWithItsEmptyLine) {
    const std::string head = "HTTP/1.1 101 \r\nA: b\r\n\r\n";
    EXPECT_EQ(accept_head_size(head + "frames\r\n\r\n"), head.size());
    for (std::size_t size = 0; size < head.size(); ++size)
        EXPECT_EQ(accept_head_size(head.substr(0, size)), 0U) << size;
    EXPECT_EQ(accept_head_size(std::string(kMostAcceptHead, 'x') + "\r\n\r\n"), 0U);
}

TEST(AcceptHead, BecomesThatOfAConnect) {
    const std::string text =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nCONNECTION: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol:  chat \r\n"
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\nX-Own:\r\n\r\n";
    http::ResponseHead head;
    const auto read = read_accept_head(text, head);
    ASSERT_TRUE(read) << read.error().text;
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(names(head), "Sec-WebSocket-Protocol=chat;X-Own=;");
    EXPECT_FALSE(head.content_length || head.implied_length);
    ASSERT_TRUE(read_accept_head("HTTP/1.1 101\r\n\r\n", head));
    EXPECT_EQ(names(head), "");
}

TEST(AcceptHead, AnythingElseIsRefused) {
    http::ResponseHead head;
    for (const char* const text :
         {"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 1010\r\n\r\n", "HTTP/1.0 101\r\n\r\n",
          "http/1.1 101\r\n\r\n", " HTTP/1.1 101\r\n\r\n", "\r\n\r\n",
          "HTTP/1.1 101\r\nno header\r\n\r\n", "HTTP/1.1 101\r\nA : b\r\n\r\n",
          "HTTP/1.1 101\r\n: b\r\n\r\n", "HTTP/1.1 101\r\nA: b\r\n folded\r\n\r\n",
          "HTTP/1.1 101\r\nA: b\x01\r\n\r\n", "HTTP/1.1 101\r\nA: b\nC: d\r\n\r\n"})
        EXPECT_FALSE(read_accept_head(text, head)) << text;
    std::string many = "HTTP/1.1 101\r\n";
    for (int i = 0; i < 101; ++i) many += "A: b\r\n";
    EXPECT_FALSE(read_accept_head(many + "\r\n", head));
}

}  // namespace
}  // namespace mew::front
