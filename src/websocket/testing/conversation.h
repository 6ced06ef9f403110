#pragma once
// A codec and what came of it, as text: one line for each event. For unit tests and fuzz targets.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "websocket/codec.h"

namespace mew::websocket {

class Conversation final : public Events {
public:
    explicit Conversation(const Settings& settings = {}) : codec_(settings) {}

    // Ends that follow a message are held back, and asked for at once.
    void hold_ends() { holds_ = true; }
    bool held() const { return held_; }

    // Presents a copy of exactly this size: a read past the end shows.
    std::size_t present(std::string_view bytes) {
        const std::unique_ptr<char[]> copy(new char[bytes.size()]);
        if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
        const std::size_t done = codec_.decode(copy.get(), bytes.size(), *this, out_);
        if (!codec_.holds_end()) return done;
        held_ = true;
        codec_.decode(nullptr, 0, *this, out_);
        return bytes.size();
    }
    void present_in_pieces(std::string_view bytes, std::size_t size) {
        for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size()))) {
            present(bytes.substr(0, size));
        }
    }

    Codec& codec() { return codec_; }
    const std::string& text() const { return text_; }
    std::string take_text() { return std::move(text_); }
    std::string& out() { return out_; }
    std::string take_out() { return std::move(out_); }
    void pause_at_messages() { pauses_ = true; }

    void on_message(Kind kind, std::string_view message) override {
        note(kind == Kind::text ? "text" : "binary", message);
        if (pauses_) codec_.pause();
        if (holds_) codec_.hold_end();
    }
    void on_ping(std::string_view payload) override { note("ping", payload); }
    void on_pong(std::string_view payload) override { note("pong", payload); }
    void on_close(std::uint16_t code, std::string_view reason) override {
        note("close " + std::to_string(code), reason);
    }
    void on_failure(const Failure& failure) override {
        note("failure " + std::to_string(failure.code), failure.reason);
    }

private:
    void note(std::string_view event, std::string_view detail) {
        text_.append(event).append(" [").append(detail).append("]\n");
    }

    Codec codec_;
    std::string text_;
    std::string out_;
    bool pauses_ = false;
    bool holds_ = false;
    bool held_ = false;
};

inline Settings with_role(Role role, bool deflate = false) {
    Settings settings;
    settings.role = role;
    if (deflate) settings.deflate = Deflate{};
    settings.deflate_from = 1;
    return settings;
}

}  // namespace mew::websocket
