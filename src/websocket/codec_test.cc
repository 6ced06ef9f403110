#include "websocket/codec.h"

#include <gtest/gtest.h>

#include "websocket/testing/conversation.h"

namespace mew::websocket {
namespace {

constexpr MaskKey kKey{0x37, 0xfa, 0x21, 0x3d};

// A frame as a client sends it; `first` is its first byte.
std::string frame(int first, std::string_view payload) {
    std::string out;
    append_frame_head(Opcode::text, false, payload.size(), &kKey, out);
    out[0] = static_cast<char>(first);
    const std::size_t at = out.size();
    out.append(payload);
    apply_mask(out.data() + at, payload.size(), kKey);
    return out;
}
constexpr int kText = 0x81;
constexpr int kBinary = 0x82;
constexpr int kClose = 0x88;
constexpr int kPing = 0x89;
constexpr int kPong = 0x8a;
constexpr int kMore = 0x7f;  // & it: not the last fragment
constexpr int kCompressed = 0x40;

std::string close_frame(int code, std::string_view reason = {}) {
    const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
    return frame(kClose, payload + std::string(reason));
}

// What comes of `wire`, in one piece and byte by byte, which must be the same.
std::string events_of(const std::string& wire, const Settings& settings = {}) {
    Conversation whole(settings);
    whole.present(wire);
    for (const std::size_t size : {1, 3, 7}) {
        Conversation pieces(settings);
        pieces.present_in_pieces(wire, size);
        EXPECT_EQ(pieces.text(), whole.text()) << size;
        EXPECT_EQ(pieces.out(), whole.out()) << size;
    }
    return whole.text();
}

// RFC 6455 5.7.
TEST(Decode, examples_of_the_rfc) {
    EXPECT_EQ(events_of("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"), "text [Hello]\n");
    EXPECT_EQ(events_of(frame(kText & kMore, "Hel") + frame(0x80, "lo")), "text [Hello]\n");
    Conversation seen;
    seen.present("\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58");
    EXPECT_EQ(seen.out(), "\x8a\x05Hello");
    const std::string large(65536, 'x');
    EXPECT_EQ(events_of(frame(kBinary, large)), "binary [" + large + "]\n");
}

TEST(Decode, sizes_around_those_of_the_length_and_of_words) {
    for (const std::size_t size : {0, 1, 7, 8, 31, 32, 33, 125, 126, 127, 128, 65535, 65536}) {
        std::string message(size, 'a');
        for (std::size_t i = 0; i < size; ++i) message[i] = static_cast<char>('a' + i % 23);
        EXPECT_EQ(events_of(frame(kText, message)), "text [" + message + "]\n") << size;
    }
}

TEST(Decode, control_frames_between_fragments) {
    EXPECT_EQ(events_of(frame(kText & kMore, "a") + frame(kPing, "p") + frame(0x00, "") +
                        frame(kPong, "q") + frame(0x80, "b") + frame(kText, "c")),
              "ping [p]\npong [q]\ntext [ab]\ntext [c]\n");
}

TEST(Decode, rules_that_heads_break) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {frame(0xc1, "a"), "RSV1 is set where nothing may be compressed"},
        {frame(0xa1, "a"), "reserved bits are set"},
        {frame(0x91, "a"), "reserved bits are set"},
        {frame(0x83, "a"), "reserved opcode"},
        {frame(0x8b, ""), "reserved opcode"},
        {std::string("\x81\x01x"), "frame is not masked"},
        {std::string("\x81\xfe\x00\x05\x00\x00\x00\x00", 8), "malformed length of a frame"},
        {std::string("\x81\xff\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x00\x00", 14),
         "malformed length of a frame"},
        {std::string("\x82\xff\x80\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00", 14),
         "malformed length of a frame"},
        {frame(kPing & kMore, "a"), "control frame is fragmented"},
        {frame(kPing, std::string(126, 'a')), "control frame is too long"},
        {frame(kPing | kCompressed, "a"), "control frame is compressed"},
        {frame(0x80, "a"), "continuation of no message"},
        {frame(kText & kMore, "a") + frame(kText, "b"), "message inside a message"},
        {frame(kClose, "a"), "close frame of one byte"},
    };
    for (const auto& [wire, reason] : cases) {
        EXPECT_EQ(events_of(wire), "failure 1002 [" + reason + "]\n");
    }
}

TEST(Decode, a_failure_is_told_and_is_the_end) {
    Conversation seen;
    seen.present(frame(0x83, "a") + frame(kText, "later"));
    EXPECT_EQ(seen.out(), std::string("\x88\x11\x03\xea", 4) + "reserved opcode");
    EXPECT_EQ(seen.codec().state(), Codec::State::closed);
    seen.codec().encode_message(Kind::text, "no more", seen.out());
    seen.present(frame(kText, "later"));
    EXPECT_EQ(seen.out().size(), 19U);
    EXPECT_EQ(seen.text(), "failure 1002 [reserved opcode]\n");
}

TEST(Decode, text_must_be_utf8_across_fragments) {
    EXPECT_EQ(events_of(frame(kText & kMore, "\xe2\x82") + frame(0x80, "\xac")),
              "text [\xe2\x82\xac]\n");
    EXPECT_EQ(events_of(frame(kText & kMore, "\xe2\x82") + frame(0x80, "a")),
              "failure 1007 [text is not UTF-8]\n");
    EXPECT_EQ(events_of(frame(kText, "\xe2\x82")), "failure 1007 [text is not UTF-8]\n");
    EXPECT_EQ(events_of(frame(kText & kMore, "\xe2\x82") + frame(0x80, "")),
              "failure 1007 [text is not UTF-8]\n");
    EXPECT_EQ(events_of(frame(kBinary, "\xe2\x82")), "binary [\xe2\x82]\n");
}

TEST(Decode, bad_text_fails_before_its_frame_is_whole) {
    Conversation seen;
    const std::string wire = frame(kText, "ab\xff" + std::string(1000, 'c'));
    seen.present(std::string_view(wire).substr(0, 8 + 3));
    EXPECT_EQ(seen.text(), "failure 1007 [text is not UTF-8]\n");
}

TEST(Decode, a_character_cut_in_one_message_does_not_reach_the_next) {
    EXPECT_EQ(events_of(frame(kBinary & kMore, "\xe2") + frame(0x80, "") + frame(kText, "a")),
              "binary [\xe2]\ntext [a]\n");
}

TEST(Decode, size_limit) {
    Settings settings;
    settings.message_bytes = 10;
    EXPECT_EQ(events_of(frame(kText, "0123456789"), settings), "text [0123456789]\n");
    EXPECT_EQ(events_of(frame(kText, "0123456789a"), settings),
              "failure 1009 [message is too large]\n");
    EXPECT_EQ(events_of(frame(kText & kMore, "01234") + frame(0x80, "567890"), settings),
              "failure 1009 [message is too large]\n");
    EXPECT_EQ(events_of(frame(kPing, "0123456789ab"), settings), "ping [0123456789ab]\n");
    // Known by the head: nothing of the payload need come.
    Conversation seen(settings);
    seen.present(frame(kBinary, std::string(100, 'x')).substr(0, 6));
    EXPECT_EQ(seen.text(), "failure 1009 [message is too large]\n");
}

TEST(Close, is_answered_in_kind) {
    Conversation seen;
    seen.present(close_frame(1000, "bye") + frame(kText, "later"));
    EXPECT_EQ(seen.text(), "close 1000 [bye]\n");
    EXPECT_EQ(seen.out(), std::string("\x88\x02\x03\xe8", 4));
    EXPECT_EQ(seen.codec().state(), Codec::State::closed);
    Conversation bare;
    bare.present(frame(kClose, ""));
    EXPECT_EQ(bare.text(), "close 1005 []\n");
    EXPECT_EQ(bare.out(), std::string("\x88\x00", 2));
}

TEST(Close, codes) {
    for (const int code : {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
                           3000, 3999, 4000, 4999}) {
        EXPECT_EQ(events_of(close_frame(code)), "close " + std::to_string(code) + " []\n");
    }
    for (const int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535}) {
        EXPECT_EQ(events_of(close_frame(code)), "failure 1002 [invalid close code]\n") << code;
    }
    EXPECT_EQ(events_of(close_frame(1000, "\xff")),
              "failure 1007 [reason of a close is not UTF-8]\n");
}

TEST(Close, ours_waits_for_the_peers) {
    Conversation seen;
    seen.codec().encode_close(1012, "restart", seen.out());
    EXPECT_EQ(seen.take_out(), std::string("\x88\x09\x03\xf4", 4) + "restart");
    EXPECT_EQ(seen.codec().state(), Codec::State::closing);
    seen.codec().encode_close(1000, "again", seen.out());
    seen.codec().encode_message(Kind::text, "late", seen.out());
    seen.codec().encode_ping("late", seen.out());
    // What the peer had sent before it saw our close frame is nobody's any more.
    seen.present(frame(kText, "late") + frame(kPing, "late") + frame(kBinary & kMore, "x"));
    EXPECT_EQ(seen.out(), "");
    EXPECT_EQ(seen.take_text(), "ping [late]\n");
    seen.present(frame(0x80, "y") + close_frame(1012));
    EXPECT_EQ(seen.text(), "close 1012 []\n");
    EXPECT_EQ(seen.out(), "") << "a second close frame";
    EXPECT_EQ(seen.codec().state(), Codec::State::closed);
}

TEST(Close, a_long_reason_is_cut_between_characters) {
    Conversation seen;
    std::string reason(122, 'a');
    seen.codec().encode_close(1000, reason + "\xe2\x82\xac", seen.out());
    EXPECT_EQ(seen.out(), std::string("\x88\x7c\x03\xe8", 4) + reason);
}

TEST(Pause, the_rest_is_presented_again) {
    Conversation seen;
    seen.pause_at_messages();
    const std::string wire = frame(kText, "a") + frame(kText, "b");
    EXPECT_EQ(seen.present(wire), wire.size() / 2);
    EXPECT_EQ(seen.take_text(), "text [a]\n");
    EXPECT_EQ(seen.present(std::string_view(wire).substr(wire.size() / 2)), wire.size() / 2);
    EXPECT_EQ(seen.text(), "text [b]\n");
}

TEST(HeldEnd, a_message_may_be_answered_before_the_close_behind_it) {
    Conversation seen;
    seen.hold_ends();
    const std::string close = close_frame(1000, "bye");
    seen.present(frame(kText, "a") + close + frame(kText, "late"));
    EXPECT_TRUE(seen.held());
    EXPECT_EQ(seen.text(), "text [a]\nclose 1000 [bye]\n");
    EXPECT_EQ(seen.codec().state(), Codec::State::closed);
    Conversation apart;
    apart.hold_ends();
    apart.present(frame(kText, "a"));
    apart.present(close);
    EXPECT_FALSE(apart.held()) << "nothing to wait for";
    EXPECT_EQ(apart.text(), "text [a]\nclose 1000 [bye]\n");
}

TEST(HeldEnd, a_message_of_before_counts_for_one_call) {
    const std::string close = close_frame(1000);
    Conversation seen;
    seen.codec().hold_end();
    seen.present(close);
    EXPECT_TRUE(seen.held());
    EXPECT_EQ(seen.text(), "close 1000 []\n");
    Conversation later;
    later.codec().hold_end();
    later.present(frame(kPing, "p"));
    later.present(close);
    EXPECT_FALSE(later.held());
    EXPECT_EQ(later.text(), "ping [p]\nclose 1000 []\n");
}

TEST(HeldEnd, and_before_a_failure) {
    for (const std::string& bad : {frame(0x83, ""), frame(kText, "\xff"), frame(kClose, "x")}) {
        Conversation seen;
        seen.hold_ends();
        seen.present(frame(kText, "a") + bad);
        EXPECT_TRUE(seen.held());
        EXPECT_EQ(seen.text().find("text [a]\nfailure 10"), 0U) << seen.text();
        EXPECT_EQ(seen.out().substr(0, 1), "\x88");
        EXPECT_EQ(seen.codec().state(), Codec::State::closed);
    }
}

TEST(HeldEnd, what_is_sent_meanwhile_stands_before_the_close_frame) {
    Codec codec({});
    class Holding final : public Events {
    public:
        void on_message(Kind, std::string_view) override { codec->hold_end(); }
        void on_close(std::uint16_t, std::string_view) override {}
        void on_failure(const Failure&) override {}
        Codec* codec = nullptr;
    } events;
    events.codec = &codec;
    std::string wire = frame(kText, "a") + close_frame(1000);
    std::string out;
    codec.decode(wire.data(), wire.size(), events, out);
    ASSERT_TRUE(codec.holds_end());
    codec.encode_message(Kind::text, "b", out);
    codec.decode(nullptr, 0, events, out);
    EXPECT_EQ(out, std::string("\x81\x01") + "b" + std::string("\x88\x02\x03\xe8", 4));
}

// Between two codecs, each role in turn.
class BothWays : public testing::TestWithParam<std::tuple<Role, bool>> {};

TEST_P(BothWays, what_one_encodes_the_other_decodes) {
    const auto [role, deflate] = GetParam();
    const Role other = role == Role::server ? Role::client : Role::server;
    Conversation from(with_role(role, deflate));
    for (const std::size_t size : {0, 1, 125, 126, 1000, 65535, 65536, 300000}) {
        const std::string message(size, 'm');
        std::string wire;
        from.codec().encode_message(Kind::text, message, wire);
        if (deflate && size >= 125) {
            EXPECT_LT(wire.size(), size / 2);
        }
        from.codec().encode_ping("p", wire);
        from.codec().encode_message(Kind::binary, message, wire);
        for (const std::size_t piece : {wire.size(), std::size_t{13}}) {
            Conversation to(with_role(other, deflate));
            to.present_in_pieces(wire, piece);
            std::string expected = "text [";
            expected.append(message).append("]\nping [p]\nbinary [").append(message).append("]\n");
            EXPECT_EQ(to.text(), expected);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Roles, BothWays,
                         testing::Combine(testing::Values(Role::server, Role::client),
                                          testing::Bool()));

TEST(Deflated, messages_and_their_rules) {
    const Settings settings = with_role(Role::server, true);
    const std::string hello("\xf2\x48\xcd\xc9\xc9\x07\x00", 7);  // RFC 7692 7.2.3.1
    const int compressed = kText | kCompressed;
    EXPECT_EQ(events_of(frame(compressed, hello), settings), "text [Hello]\n");
    EXPECT_EQ(events_of(frame(compressed & kMore, hello.substr(0, 3)) + frame(kPing, "p") +
                            frame(0x80, hello.substr(3)) + frame(kText, "plain"),
                        settings),
              "ping [p]\ntext [Hello]\ntext [plain]\n");
    EXPECT_EQ(events_of(frame(kText & kMore, "a") + frame(0x80 | kCompressed, "b"), settings),
              "failure 1002 [RSV1 is set where nothing may be compressed]\n");
    EXPECT_EQ(events_of(frame(compressed, "\xff\xff"), settings),
              "failure 1007 [compressed message is malformed]\n");
    // Its bytes are no UTF-8, the message is.
    EXPECT_EQ(
        events_of(frame(compressed, std::string("\x00\x01\x00\xfe\xff\xff\x00", 7)), settings),
        "failure 1007 [text is not UTF-8]\n");
}

TEST(Deflated, a_bomb_is_too_large) {
    Settings settings = with_role(Role::client, true);
    std::string wire;
    Codec(settings).encode_message(Kind::binary, std::string(1'000'000, '\0'), wire);
    ASSERT_LT(wire.size(), 10000U);
    settings.role = Role::server;
    settings.message_bytes = 999'999;
    EXPECT_EQ(events_of(wire, settings), "failure 1009 [message is too large]\n");
    settings.message_bytes = 1000;  // shorter than what came, even compressed
    EXPECT_EQ(events_of(wire, settings), "failure 1009 [message is too large]\n");
}

TEST(Codec, is_small) { EXPECT_LE(sizeof(Codec), 256U); }

TEST(Mask, of_any_size_goes_on_in_the_next_piece) {
    std::string text(100, '\0');
    for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i);
    std::string expected = text;
    for (std::size_t i = 0; i < text.size(); ++i) {
        expected[i] = static_cast<char>(expected[i] ^ kKey[i % 4]);
    }
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        std::string masked = text;
        const MaskKey rest = apply_mask(masked.data(), cut, kKey);
        apply_mask(masked.data() + cut, masked.size() - cut, rest);
        ASSERT_EQ(masked, expected) << cut;
    }
}

}  // namespace
}  // namespace mew::websocket
