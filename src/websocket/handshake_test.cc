#include "websocket/handshake.h"

#include <memory>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::websocket {
namespace {

using Fields = std::vector<std::pair<std::string, std::string>>;

const Fields kAsked{{"Host", "h"},
                    {"Upgrade", "websocket"},
                    {"Connection", "keep-alive, Upgrade"},
                    {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                    {"Sec-WebSocket-Version", "13"}};

// A head as a codec makes it: slices of one block.
std::unique_ptr<http::RequestHead> make_head(const Fields& fields,
                                             std::string_view method = "GET") {
    std::string block;
    auto head = std::make_unique<http::RequestHead>();
    const auto put = [&](std::string_view text) {
        const http::Slice slice{static_cast<std::uint32_t>(block.size()),
                                static_cast<std::uint32_t>(text.size())};
        block.append(text);
        return slice;
    };
    head->method_slice = put(method);
    for (const auto& [name, value] : fields) {
        http::FieldSlices field;
        field.name = put(name);
        field.value = put(value);
        field.id = http::find_field_name(name);
        head->fields().push_back(field);
    }
    head->set_block(block.data(), block.size());
    head->own();
    return head;
}

Fields with(const std::string& name, const std::string& value) {
    Fields fields = kAsked;
    for (auto& field : fields) {
        if (field.first == name) {
            field.second = value;
            return fields;
        }
    }
    fields.emplace_back(name, value);
    return fields;
}

Fields without(const std::string& name) {
    Fields fields;
    for (const auto& field : kAsked) {
        if (field.first != name) fields.push_back(field);
    }
    return fields;
}

int refusal_of(const Fields& fields) {
    const auto head = make_head(fields);
    auto offer = read_offer(*head);
    return offer ? 0 : offer.error().status;
}

TEST(Handshake, what_asks_for_a_websocket) {
    EXPECT_TRUE(asks_for_websocket(*make_head(kAsked)));
    EXPECT_TRUE(asks_for_websocket(*make_head(with("Upgrade", "h2c, WebSocket"))));
    EXPECT_FALSE(asks_for_websocket(*make_head(kAsked, "POST")));
    EXPECT_FALSE(asks_for_websocket(*make_head(with("Upgrade", "h2c"))));
    EXPECT_FALSE(asks_for_websocket(*make_head(with("Connection", "keep-alive"))));
    EXPECT_FALSE(asks_for_websocket(*make_head(without("Upgrade"))));
    EXPECT_FALSE(asks_for_websocket(*make_head(without("Connection"))));
}

TEST(Handshake, old_versions_and_bodies_ask_for_none) {
    auto head = make_head(kAsked);
    head->version = http::Version::http10;
    EXPECT_FALSE(asks_for_websocket(*head));
    head->version = http::Version::http2;  // extended CONNECT, as the front gives it
    EXPECT_TRUE(asks_for_websocket(*head));
    head->framing = http::BodyFraming::length;
    EXPECT_FALSE(asks_for_websocket(*head));
}

TEST(Handshake, reads_an_offer) {
    Fields fields = with("Sec-WebSocket-Protocol", "chat, superchat");
    fields.emplace_back("Sec-WebSocket-Protocol", " ,v2");
    fields.emplace_back("Sec-WebSocket-Extensions", "x-other; a=1, permessage-deflate");
    const auto head = make_head(fields);
    auto offer = read_offer(*head);
    ASSERT_TRUE(offer) << offer.error().reason;
    EXPECT_EQ(offer->key, "dGhlIHNhbXBsZSBub25jZQ==");
    EXPECT_THAT(offer->subprotocols, testing::ElementsAre("chat", "superchat", "v2"));
    ASSERT_TRUE(offer->deflate);
    EXPECT_EQ(offer->deflate->window_bits, 15);
}

TEST(Handshake, refuses_what_rfc_6455_4_2_1_refuses) {
    EXPECT_EQ(refusal_of(kAsked), 0);
    EXPECT_EQ(refusal_of(with("Sec-WebSocket-Version", "8")), 426);
    EXPECT_EQ(refusal_of(with("Sec-WebSocket-Version", "13, 8")), 426);
    EXPECT_EQ(refusal_of(without("Sec-WebSocket-Version")), 426);
    EXPECT_EQ(refusal_of(with("Sec-WebSocket-Key", "c2hvcnQ=")), 400);
    EXPECT_EQ(refusal_of(without("Sec-WebSocket-Key")), 400);
    Fields twice = kAsked;
    twice.emplace_back("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    EXPECT_EQ(refusal_of(twice), 400);
    EXPECT_EQ(refusal_of(with("Sec-WebSocket-Protocol", "a b")), 400);
    EXPECT_EQ(refusal_of(with("Sec-WebSocket-Extensions", "permessage-deflate; =1")), 400);
}

TEST(Handshake, answers) {
    std::vector<http::Header> headers{{"X-One", "1"}, {"Set-Cookie", "a=b"}};
    headers.push_back({"Content-Length", "3", http::FieldName::content_length});
    headers.push_back({"Upgrade", "h2c", http::FieldName::upgrade, true});
    Acceptance acceptance;
    acceptance.key = "dGhlIHNhbXBsZSBub25jZQ==";
    acceptance.subprotocol = "chat";
    acceptance.deflate = Deflate{};
    acceptance.headers = &headers;
    std::string out;
    append_accept_head(acceptance, out);
    EXPECT_EQ(out,
              "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
              "Sec-WebSocket-Protocol: chat\r\n"
              "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
              "client_no_context_takeover\r\n"
              "X-One: 1\r\nSet-Cookie: a=b\r\n\r\n");
}

// RFC 7692 7.1: what is accepted, by the answer to it; "" is declined, "400" malformed.
TEST(Extension, offers) {
    const std::string plain =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    const std::vector<std::pair<std::string, std::string>> cases{
        {"permessage-deflate", plain},
        {"", ""},
        {"permessage-bzip2", ""},
        {"permessage-deflate; client_max_window_bits", plain},
        {"permessage-deflate;client_max_window_bits = 9 ; server_no_context_takeover", plain},
        {"permessage-deflate; client_no_context_takeover", plain},
        {"permessage-deflate; server_max_window_bits=10", plain + "; server_max_window_bits=10"},
        {"permessage-deflate; server_max_window_bits=\"10\"",
         plain + "; server_max_window_bits=10"},
        {"permessage-deflate; server_max_window_bits=15", plain + "; server_max_window_bits=15"},
        {"permessage-deflate; server_max_window_bits=8", ""},
        {"permessage-deflate; server_max_window_bits=8, permessage-deflate", plain},
        {"permessage-deflate; server_max_window_bits=9, permessage-deflate",
         plain + "; server_max_window_bits=9"},
        {"permessage-deflate; server_max_window_bits", ""},
        {"permessage-deflate; server_max_window_bits=16", ""},
        {"permessage-deflate; server_max_window_bits=010", ""},
        {"permessage-deflate; client_max_window_bits=7", ""},
        {"permessage-deflate; server_no_context_takeover=1", ""},
        {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", ""},
        {"permessage-deflate; unknown", ""},
        {"permessage-deflate; unknown, ,permessage-deflate", plain},
        {"permessage-deflate; server_max_window_bits=", "400"},
        {"permessage-deflate; server_max_window_bits=\"10", "400"},
        {"permessage-deflate;", "400"},
        {"permessage-deflate x", "400"},
        {"; permessage-deflate", "400"},
        {"permessage-deflate, \"", "400"},
    };
    for (const auto& [offer, expected] : cases) {
        auto found = find_deflate(offer);
        std::string answer;
        if (!found) {
            answer = std::to_string(found.error().status);
        } else if (found.value()) {
            append_extension(*found.value(), answer);
        }
        EXPECT_EQ(answer, expected) << offer;
    }
}

}  // namespace
}  // namespace mew::websocket
