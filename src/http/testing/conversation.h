#pragma once
// A client's side of one connection, for the unit tests and the fuzzers of every codec; no program
// links it. Bytes
// are presented as the codec's contract says: what decode() left comes again with more behind it,
// in a fresh buffer of exactly that size, so that a pointer kept from an earlier call or a read
// past the end shows under AddressSanitizer. What happened is kept as text that two runs can
// compare.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/codec.h"

namespace mew::http {

using MakeCodec = std::unique_ptr<Codec> (*)(const Limits&);

// When the server's side answers.
enum class Answers : std::uint8_t { after_body, after_head, inside_callback, never };

class Conversation : private StreamEvents {
public:
    Conversation(MakeCodec make, const Limits& limits, Answers answers = Answers::after_body)
        : limits_(limits), codec_(make(limits_)), answers_(answers) {}
    virtual ~Conversation() = default;
    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    void present(std::string_view piece) {
        pending_ += piece;
        for (bool goes_on = true; goes_on;) {
            goes_on = decode() > 0;
            const bool ready = answers_ == Answers::after_body   ? complete_
                               : answers_ == Answers::after_head ? heads_ > answered_
                                                                 : false;
            if (ready && answered_ < heads_ && refused_ == 0) {
                answer();
                goes_on = true;
            }
            goes_on = goes_on && !pending_.empty();
        }
    }
    void present_in_bytes(std::string_view bytes) {
        for (std::size_t i = 0; i < bytes.size(); ++i) present(bytes.substr(i, 1));
    }

    void answer() {
        ResponseHead head;
        head.implied_length = 2;
        ++answered_;
        const BodyPlan plan = codec_->encode_head(stream_, head, false, sent_);
        if (plan.has_body) {
            codec_->encode_body_prefix(stream_, 2, sent_);
            sent_ += "ok";
            codec_->encode_body_suffix(stream_, sent_);
        }
        codec_->encode_end(stream_, sent_);
    }

    // One line per event; pieces of a body are joined.
    const std::vector<std::string>& events() const { return events_; }
    std::string text() const {
        std::string all;
        for (const std::string& event : events_) all += event + "\n";
        return all;
    }
    int refused() const { return refused_; }  // the status, or 0
    int heads() const { return heads_; }
    int bodies() const { return bodies_; }             // complete ones
    const std::string& body() const { return body_; }  // of the last request
    const std::string& sent() const { return sent_; }
    // What answered no request; ended(): and the connection with it.
    const std::string& replies() const { return replies_; }
    bool ended() const { return ended_; }
    // The first broken promise of the codec; empty: none.
    const std::string& broken() const { return broken_; }
    // Bytes the codec has not taken.
    const std::string& pending() const { return pending_; }
    Codec& codec() { return *codec_; }

private:
    std::size_t decode() {
        const std::size_t size = pending_.size();
        const std::unique_ptr<char[]> fresh(new char[size]);
        std::memcpy(fresh.get(), pending_.data(), size);
        const std::size_t used = codec_->decode({fresh.get(), size}, *this);
        expect(used <= size, "more bytes were used than presented");
        pending_.erase(0, std::min(used, size));
        return used;
    }
    void expect(bool kept, std::string_view promise) {
        if (!kept && broken_.empty()) broken_ = promise;
    }
    void expect_in_body(StreamId stream) {
        expect(stream == stream_, "an event came for another stream");
        expect(heads_ > bodies_, "a body came without a head");
        expect(refused_ == 0, "a body went on after its refusal");
    }
    static std::string describe(const RequestHead& head) {
        std::string text = "head ";
        const auto add = [&](std::string_view name, std::string_view value) {
            text.append(name).append("[").append(value).append("] ");
        };
        add("method", head.method());
        add("target", head.target());
        add("path", head.path());
        add("query", head.query());
        add("authority", head.authority());
        static constexpr std::string_view kVersions[] = {"1.0", "1.1", "2", "3"};
        add("version", kVersions[static_cast<std::size_t>(head.version)]);
        add("framing", std::to_string(static_cast<int>(head.framing)));
        add("length", std::to_string(head.content_length));
        add("dropped", std::to_string(head.dropped_fields));
        text += head.keep_alive ? "keep-alive " : "close ";
        if (head.expects_continue) text += "expects-continue ";
        if (head.absolute_target) text += "absolute ";
        if (head.path_decoded) text += "decoded ";
        if (head.https) text += "https ";
        if (!head.script_name().empty()) add("script", head.script_name());
        if (!head.client_address().empty()) add("client", head.client_address());
        for (const FieldSlices& field : head.fields()) {
            text += field.cgi ? "| " : "| (not for CGI) ";
            add(head.name(field), head.value(field));
        }
        for (const Variable& variable : head.variables()) {
            text += "$ ";
            add(head.text(variable.name), head.text(variable.value));
        }
        return text;
    }

    void on_head(StreamId stream, RequestHead& head) override {
        expect(refused_ == 0, "a head came after a refusal");
        expect(stream == stream_ + 1, "streams are not numbered one after the other");
        expect(heads_ == bodies_, "a head came before the last body ended");
        expect(answers_ == Answers::inside_callback || answered_ == heads_,
               "a head came before the last answer ended");
        stream_ = stream;
        ++heads_;
        complete_ = false;
        body_.clear();
        events_.push_back(describe(head));
        if (answers_ == Answers::inside_callback) answer();
    }
    void on_body(StreamId stream, std::string_view piece) override {
        expect_in_body(stream);
        expect(!piece.empty(), "an empty piece of body came");
        if (body_.empty()) events_.emplace_back("body ");
        body_ += piece;
        events_.back() += piece;
    }
    void on_body_end(StreamId stream) override {
        expect_in_body(stream);
        ++bodies_;
        complete_ = true;
        events_.emplace_back("end");
    }
    void on_refusal(StreamId stream, const Refusal& refusal) override {
        expect(refused_ == 0, "two refusals came");
        expect(stream == stream_ || stream == stream_ + 1, "a refusal came for another stream");
        expect(refusal.status >= 400 && refusal.status <= 505, "a refusal has a strange status");
        stream_ = stream;
        refused_ = refusal.status;
        events_.push_back("refused " + std::to_string(refused_) + " " +
                          std::string(refusal.reason));
    }
    void on_reply(std::string_view bytes, bool ends) override {
        expect(!ended_, "a reply came after the end");
        replies_ += bytes;
        ended_ = ended_ || ends;
        events_.push_back((ends ? "last reply " : "reply ") + std::to_string(bytes.size()));
    }

    const Limits limits_;
    std::unique_ptr<Codec> codec_;
    Answers answers_;
    std::string pending_;
    std::vector<std::string> events_;
    std::string body_;
    std::string sent_;
    std::string replies_;
    std::string broken_;
    StreamId stream_ = 0;
    int refused_ = 0;
    int heads_ = 0;
    int bodies_ = 0;
    int answered_ = 0;
    bool complete_ = false;
    bool ended_ = false;
};

}  // namespace mew::http
