// Feeds arbitrary bytes to the HTTP/2 codec, in pieces of any size (split_input.h), and answers
// what it makes of them. Whatever comes, the codec survives; heads keep to the limits, and nothing
// comes of a stream before its head or behind its end.

#include <cstdlib>
#include <map>
#include <string>

#include "base/clock.h"
#include "fuzz/split_input.h"
#include "http2/codec.h"

namespace {

using mew::http::StreamId;

class StoodClock final : public mew::base::Clock {
public:
    mew::base::MonotonicTime now() override {
        return mew::base::MonotonicTime{std::chrono::hours(1)};
    }
};

void check(bool holds) {
    if (!holds) std::abort();
}

class Driver final : public mew::http::StreamEvents {
public:
    explicit Driver(std::uint8_t flags) : flags_(flags) {
        limits_.head_bytes = 4096;
        limits_.head_fields = 32;
        limits_.body_bytes = 100000;
    }

    void receive(std::string_view bytes) {
        if ((flags_ & 1) == 0 && !prefaced_) {
            prefaced_ = true;
            (void)codec_.decode(mew::http2::kPreface, *this);
        }
        check(codec_.decode(bytes, *this) == bytes.size());
        answer_all();
        std::string out;
        codec_.encode_pending(1U << 16, out, *this);
    }
    void end() {
        codec_.drain((flags_ & 2) != 0);
        std::string out;
        codec_.encode_pending(1U << 20, out, *this);
        (void)codec_.over();
    }

    void on_head(StreamId stream, mew::http::RequestHead& head) override {
        check(!streams_.contains(stream));
        check(!head.method().empty() && head.fields().size() <= limits_.head_fields + 5);
        for (const auto& field : head.fields()) check(!head.name(field).empty());
        streams_[stream] = false;
    }
    void on_body(StreamId stream, std::string_view piece) override {
        check(streams_.contains(stream) && !streams_[stream]);
        if ((flags_ & 4) == 0) codec_.consume(stream, piece.size());
    }
    void on_body_end(StreamId stream) override {
        check(streams_.contains(stream) && !streams_[stream]);
        streams_[stream] = true;
    }
    void on_refusal(StreamId stream, const mew::http::Refusal& refusal) override {
        check(refusal.status >= 400);
        refused_ = stream;
    }
    void on_stream_end(StreamId stream, bool) override { streams_.erase(stream); }

private:
    void answer_all() {
        std::string out;
        for (const auto& [stream, whole] : streams_) {
            if (!whole && (flags_ & 8) == 0) continue;
            answer(stream, out);
        }
        if (refused_ != 0) answer(std::exchange(refused_, 0), out);
    }
    void answer(StreamId stream, std::string& out) {
        mew::http::ResponseHead head;
        const std::string body((flags_ & 16) != 0 ? 70000 : 5, 'b');
        (void)codec_.encode_head(stream, head, false, out);
        codec_.encode_body_prefix(stream, body.size(), out);
        out += body;
        codec_.encode_body_suffix(stream, out);
        if ((flags_ & 32) != 0)
            (void)codec_.encode_abort(stream, out);
        else
            codec_.encode_end(stream, out);
    }

    std::uint8_t flags_;
    bool prefaced_ = false;
    StoodClock clock_;
    mew::http::Limits limits_;
    mew::http2::Settings settings_;
    mew::http2::Codec codec_{limits_, settings_, clock_};
    std::map<StreamId, bool> streams_;  // is its body whole?
    StreamId refused_ = 0;
};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const mew::fuzz::SplitInput input({reinterpret_cast<const char*>(data), size});
    Driver driver(input.flags);
    std::size_t at = 0;
    for (const std::size_t arrived : input.arrivals()) {
        driver.receive(input.wire.substr(at, arrived - at));
        at = arrived;
    }
    driver.end();
    return 0;
}
