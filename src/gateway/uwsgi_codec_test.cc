// The uwsgi protocol: packets, pings, answers, and what is refused, split at every byte.
#include "gateway/uwsgi_codec.h"

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

std::unique_ptr<http::Codec> make_once(const Limits& limits) {
    return std::make_unique<UwsgiCodec>(limits, false);
}
std::unique_ptr<http::Codec> make_kept(const Limits& limits) {
    return std::make_unique<UwsgiCodec>(limits, true);
}

std::unique_ptr<Conversation> converse(std::string_view wire, http::MakeCodec make = make_once,
                                       const Limits& limits = {},
                                       Answers answers = Answers::after_body) {
    return http::converse_split(
        [&] { return std::make_unique<Conversation>(make, limits, answers); }, wire);
}

TEST(Uwsgi, RequestWithoutABody) {
    const auto seen = converse(uwsgi_packet(plain_get()));
    EXPECT_EQ(seen->heads(), 1);
    EXPECT_EQ(seen->bodies(), 1);
    EXPECT_EQ(seen->refused(), 0) << seen->text();
    EXPECT_THAT(seen->text(), testing::HasSubstr("method[GET] target[/hel%6Co?a=1&b=%20x] "
                                                 "path[/hello] query[a=1&b=%20x]"));
    EXPECT_EQ(seen->sent(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

TEST(Uwsgi, RequestWithABody) {
    const std::string wire = uwsgi_packet(plain_post(5)) + "hello";
    for (const Answers answers :
         {Answers::after_body, Answers::after_head, Answers::inside_callback, Answers::never}) {
        const auto seen = converse(wire, make_once, {}, answers);
        EXPECT_EQ(seen->body(), "hello");
        EXPECT_EQ(seen->bodies(), 1);
    }
}

TEST(Uwsgi, CutBodyIsNeverComplete) {
    const auto seen = converse(uwsgi_packet(plain_post(5)) + "hell");
    EXPECT_EQ(seen->heads(), 1);
    EXPECT_EQ(seen->bodies(), 0);
    EXPECT_EQ(seen->sent(), "");
}

TEST(Uwsgi, OneRequestAConnection) {
    const auto seen = converse(uwsgi_packet(plain_get()) + uwsgi_packet(plain_get()));
    EXPECT_EQ(seen->heads(), 1);
    EXPECT_EQ(seen->pending(), "") << "what follows is dropped, never run";
    EXPECT_THAT(seen->text(), testing::HasSubstr("] close "));
}

TEST(Uwsgi, KeptConnectionTakesMorePackets) {
    const auto seen = converse(
        uwsgi_packet(plain_get()) + uwsgi_packet(plain_post(3)) + "abc" + uwsgi_packet(plain_get()),
        make_kept);
    EXPECT_EQ(seen->heads(), 3);
    EXPECT_EQ(seen->bodies(), 3);
    EXPECT_THAT(seen->text(), testing::HasSubstr("] keep-alive "));
}

TEST(Uwsgi, PacketOfTheEndEndsAKeptConnection) {
    const auto seen = converse(
        uwsgi_packet(plain_get()) + uwsgi_header(200, 0) + uwsgi_packet(plain_get()), make_kept);
    EXPECT_EQ(seen->heads(), 1);
    EXPECT_TRUE(seen->ended());
    EXPECT_EQ(seen->replies(), "");
}

TEST(Uwsgi, PingIsAnswered) {
    const std::string pong("\x64\x00\x00\x01", 4);
    const auto once = converse(uwsgi_header(100, 0) + uwsgi_packet(plain_get()));
    EXPECT_EQ(once->replies(), pong);
    EXPECT_TRUE(once->ended());
    EXPECT_EQ(once->heads(), 0);
    const auto kept = converse(uwsgi_header(100, 2) + "hi" + uwsgi_packet(plain_get()), make_kept);
    EXPECT_EQ(kept->replies(), pong);
    EXPECT_FALSE(kept->ended());
    EXPECT_EQ(kept->heads(), 1);
}

TEST(Uwsgi, MountedRequest) {
    const Pairs pairs = and_also(with(plain_get(), "PATH_INFO", "/m/x"), {{"SCRIPT_NAME", "/m"}});
    const auto seen = converse(uwsgi_packet(pairs, 30));
    EXPECT_THAT(seen->text(), testing::HasSubstr("path[/x]"));
    EXPECT_THAT(seen->text(), testing::HasSubstr("script[/m]"));
}

struct RefusedCase {
    const char* name;
    std::string wire;
    int status;
    const char* reason;
};
std::ostream& operator<<(std::ostream& out, const RefusedCase& row) { return out << row.name; }

class UwsgiRefused : public testing::TestWithParam<RefusedCase> {};

TEST_P(UwsgiRefused, BeforeAnyApp) {
    const auto seen = converse(GetParam().wire + uwsgi_packet(plain_get()));
    EXPECT_EQ(seen->refused(), GetParam().status) << seen->text();
    EXPECT_EQ(seen->heads(), 0);
    EXPECT_EQ(seen->pending(), "");
    EXPECT_THAT(seen->text(), testing::HasSubstr(GetParam().reason));
}

std::string raw(const std::string& payload) { return uwsgi_header(0, payload.size()) + payload; }

INSTANTIATE_TEST_SUITE_P(
    All, UwsgiRefused,
    testing::Values(
        RefusedCase{"http", "GET / HTTP/1.1\r\n\r\n", 400, "use http-socket"},
        RefusedCase{"http_post", "POST / HTTP/1.1\r\n\r\n", 400, "HTTP was spoken"},
        RefusedCase{"http2", "PRI * HTTP/2.0\r\n\r\n", 400, "HTTP was spoken"},
        RefusedCase{"tls", "\x16\x03\x01\x02", 400, "TLS was spoken"},
        RefusedCase{"modifier_of_perl", uwsgi_packet(plain_get(), 5), 501, "modifier1"},
        RefusedCase{"modifier_of_signals", uwsgi_header(110, 0, 17), 501, "modifier1"},
        RefusedCase{"modifier_of_rpc", uwsgi_header(173, 0), 501, "modifier1"},
        RefusedCase{"empty_packet", uwsgi_header(0, 0), 400, "REQUEST_METHOD"},
        RefusedCase{"half_a_length", raw(std::string(1, 'x')), 400, "behind its end"},
        RefusedCase{"name_too_long", raw(little_endian(5) + "GET"), 400, "behind its end"},
        RefusedCase{"no_value", raw(little_endian(3) + "GET"), 400, "behind its end"},
        RefusedCase{"half_a_value_length", raw(little_endian(3) + "GETx"), 400, "behind its end"},
        RefusedCase{"value_too_long", raw(little_endian(1) + "A" + little_endian(2) + "b"), 400,
                    "behind its end"},
        RefusedCase{"length_of_64k", raw(little_endian(65535) + "A"), 400, "behind its end"},
        RefusedCase{"bad_variable", uwsgi_packet(with(plain_get(), "CONTENT_LENGTH", "x")), 400,
                    "CONTENT_LENGTH"}),
    row_name);

TEST(Uwsgi, LimitOnThePacket) {
    Limits limits;
    const std::string packet = uwsgi_packet(plain_get());
    limits.head_bytes = static_cast<std::uint32_t>(packet.size() - 4);
    EXPECT_EQ(converse(packet, make_once, limits)->heads(), 1);
    --limits.head_bytes;
    const auto refused = converse(packet, make_once, limits);
    EXPECT_EQ(refused->refused(), 431);
    EXPECT_EQ(converse(packet.substr(0, 4), make_once, limits)->refused(), 431) << "at once";
}

TEST(Uwsgi, LargestPacketThereIs) {
    Limits limits;
    limits.head_bytes = 1U << 20;
    Pairs pairs = plain_get();
    pairs.emplace_back("HTTP_X", "");
    const std::size_t room = 65535 - (uwsgi_packet(pairs).size() - 4);
    pairs.back().second = std::string(room, 'x');
    const std::string packet = uwsgi_packet(pairs);
    ASSERT_EQ(packet.size(), 4U + 65535U);
    const auto seen = converse(packet, make_once, limits);
    EXPECT_EQ(seen->heads(), 1) << seen->text().substr(0, 500);
}

TEST(Uwsgi, TellsASlowHeadFromAnIdleConnection) {
    Conversation idle(make_kept, {});
    EXPECT_FALSE(idle.codec().inside_head());
    const std::string packet = uwsgi_packet(plain_get());
    idle.present(packet.substr(0, 3));
    EXPECT_TRUE(idle.codec().inside_head());
    idle.present(packet.substr(3));
    EXPECT_FALSE(idle.codec().inside_head());
    EXPECT_EQ(idle.bodies(), 1);
}

// --- answers

struct Answer {
    std::string out;
    http::BodyPlan plan;
};

Answer answer(http::ResponseHead head, http::MakeCodec make = make_once,
              const std::string& method = "GET", bool close_after = false) {
    Conversation conversation(make, {}, Answers::never);
    conversation.present(uwsgi_packet(with(plain_get(), "REQUEST_METHOD", method)));
    EXPECT_TRUE(head.check());
    Answer made;
    made.plan = conversation.codec().encode_head(1, head, close_after, made.out);
    return made;
}

http::ResponseHead response(int status, std::vector<http::Header> headers = {}) {
    http::ResponseHead head;
    head.status = status;
    head.headers = std::move(headers);
    return head;
}

TEST(UwsgiAnswer, IsTheAppsHeadAndNothingElse) {
    const Answer made = answer(response(
        200, {{"Content-Type", "text/plain"}, {"Content-Length", "5"}, {"Connection", "close"}}));
    EXPECT_EQ(made.out, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n");
    EXPECT_EQ(made.plan.length, 5U);
    EXPECT_TRUE(made.plan.closes);
    EXPECT_FALSE(made.plan.ends_by_close);
}

TEST(UwsgiAnswer, WithoutALengthEndsByClose) {
    for (const auto& make : {make_once, make_kept}) {
        const Answer made = answer(response(200), make);
        EXPECT_EQ(made.out, "HTTP/1.1 200 OK\r\n\r\n");
        EXPECT_EQ(made.plan.length, UINT64_MAX);
        EXPECT_TRUE(made.plan.closes);
        EXPECT_TRUE(made.plan.ends_by_close);
    }
}

TEST(UwsgiAnswer, KeptWhereItsEndIsKnown) {
    EXPECT_FALSE(answer(response(200, {{"Content-Length", "5"}}), make_kept).plan.closes);
    EXPECT_FALSE(answer(response(204), make_kept).plan.closes);
    EXPECT_FALSE(answer(response(200), make_kept, "HEAD").plan.closes);
    EXPECT_TRUE(answer(response(204), make_kept, "GET", true).plan.closes);
    EXPECT_TRUE(answer(response(204), make_once).plan.closes);
}

TEST(UwsgiAnswer, NoBodyWhereNoneMayBe) {
    EXPECT_FALSE(answer(response(204, {{"Content-Length", "5"}})).plan.has_body);
    EXPECT_EQ(answer(response(204, {{"Content-Length", "5"}})).out,
              "HTTP/1.1 204 No Content\r\n\r\n");
    EXPECT_FALSE(answer(response(304)).plan.has_body);
    const Answer head = answer(response(404, {{"Content-Length", "5"}}), make_once, "HEAD");
    EXPECT_FALSE(head.plan.has_body);
    EXPECT_EQ(head.out, "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n");
}

TEST(UwsgiAnswer, RefusedPacketIsAnsweredToo) {
    Conversation conversation(make_once, {});
    conversation.present(uwsgi_packet(plain_get(), 5));
    http::ResponseHead head = response(501);
    head.implied_length = 4;
    std::string out;
    EXPECT_TRUE(conversation.codec().encode_head(0, head, true, out).has_body);
    EXPECT_EQ(out, "HTTP/1.1 501 Not Implemented\r\nContent-Length: 4\r\n\r\n");
}

TEST(UwsgiAnswer, AbortEndsTheConnection) {
    Conversation conversation(make_kept, {}, Answers::never);
    conversation.present(uwsgi_packet(plain_get()));
    std::string out;
    EXPECT_TRUE(conversation.codec().encode_abort(1, out));
    EXPECT_EQ(out, "");
    conversation.present(uwsgi_packet(plain_get()));
    EXPECT_EQ(conversation.heads(), 1);
}

}  // namespace
}  // namespace mew::gateway
