// WebSocket frames, on pieces that the input itself chooses (split_input.h). Flags: 1 the client's
// role, 2 permessage-deflate, 4 a small limit. What is seen and sent is the same however the bytes
// come, no message is larger than the limit or broken UTF-8, and nothing follows the end.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/pieces.h"
#include "fuzz/split_input.h"
#include "websocket/codec.h"
#include "websocket/testing/conversation.h"

namespace {

using namespace mew::websocket;

Settings settings_of(std::uint8_t flags) {
    Settings settings = with_role((flags & 1) != 0 ? Role::client : Role::server, (flags & 2) != 0);
    settings.message_bytes = (flags & 4) != 0 ? 100 : 100000;
    return settings;
}

// Stands between the codec and what keeps its events.
class Watch final : public Events {
public:
    Watch(const Settings& settings, std::string_view wire) : settings_(settings), wire_(wire) {}

    void on_message(Kind kind, std::string_view message) override {
        expect(!over_, "a message behind the end");
        expect(message.size() <= settings_.message_bytes, "a message beyond the limit");
        expect(kind == Kind::binary || is_utf8(message), "text that is no UTF-8");
    }
    void on_ping(std::string_view payload) override { control(payload); }
    void on_pong(std::string_view payload) override { control(payload); }
    void on_close(std::uint16_t code, std::string_view reason) override {
        control(reason);
        expect(code == close_code::kNone || close_code::is_valid(code), "a bad close code");
        expect(is_utf8(reason), "a reason that is no UTF-8");
        over_ = true;
    }
    void on_failure(const Failure& failure) override {
        expect(!over_ && !failure.reason.empty(), "a failure behind the end, or without a reason");
        over_ = true;
    }
    bool over() const { return over_; }

private:
    void control(std::string_view payload) {
        expect(!over_, "a control frame behind the end");
        expect(payload.size() <= kMostControlBytes, "a control frame that is too long");
    }
    void expect(bool holds, const char* promise) {
        mew::fuzz::require(holds, promise, [&] { return std::string(wire_); });
    }

    const Settings& settings_;
    std::string_view wire_;
    bool over_ = false;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const mew::fuzz::SplitInput input({reinterpret_cast<const char*>(data), size});
    const Settings settings = settings_of(input.flags);
    const auto require = [&](bool holds, const char* promise) {
        mew::fuzz::require(holds, promise, [&] { return std::string(input.wire); });
    };

    std::string wire(input.wire);
    std::string out;
    Watch watch(settings, input.wire);
    Codec codec(settings);
    require(codec.decode(wire.data(), wire.size(), watch, out) == wire.size(), "bytes were left");
    require(watch.over() == (codec.state() == Codec::State::closed), "the state at the end");
    // A client's answers are masked, which takes four bytes more.
    require(
        settings.role == Role::client || out.size() <= input.wire.size() + 2 + kMostControlBytes,
        "more was said than heard");

    Conversation whole(settings);
    whole.present(input.wire);
    Conversation pieces(settings);
    std::size_t at = 0;
    for (const std::size_t arrived : input.arrivals()) {
        pieces.present(input.wire.substr(at, arrived - at));
        at = arrived;
    }
    require(pieces.text() == whole.text(), "the split changed the events");
    Conversation holding(settings);
    holding.hold_ends();
    holding.present(input.wire);
    require(holding.text() == whole.text() && holding.out() == out, "holding changed the events");
    return 0;
}
