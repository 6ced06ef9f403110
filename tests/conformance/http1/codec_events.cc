// The HTTP/1 codec for a test in another language: cases on standard input, each four bytes of size
// (low byte first) and the bytes of a connection; for each a line of JSON on standard output.
//
//   {"events": [{"head": {"method", "target", "version", "fields"}, "at"}, {"body", "at"}, ...],
//    "end": "more" | "closed" | "refused", "status", "reason", "body", "left"}
//
// A head's or body's "at" is the place in the bytes where it ended. The last "body" is what came of
// one that is not complete, "left" what the codec waits to see more of. Each request is answered as
// soon as it is whole. Bytes stand for the code points of their value.

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "http1/codec.h"

namespace {

namespace http = mew::http;

std::string quoted(std::string_view bytes) {
    std::string out = "\"";
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
            char code[8];
            std::snprintf(code, sizeof code, "\\u%04x", static_cast<unsigned>(byte));
            out += code;
        } else {
            out += c;
        }
    }
    return out + '"';
}

class Connection final : private http::StreamEvents {
public:
    explicit Connection(std::string_view wire) : wire_(wire) {}

    std::string run() {
        std::string_view end = "more";
        for (;;) {
            complete_ = false;
            used_ += codec_.decode(wire_.substr(used_), *this);
            if (!complete_ || status_ != 0) break;
            add("{\"body\": " + quoted(body_) + ", \"at\": " + std::to_string(used_) + "}");
            body_.clear();
            if (answer()) {
                end = "closed";
                break;
            }
        }
        if (status_ != 0) end = "refused";
        return "{\"events\": [" + events_ + "], \"end\": " + quoted(end) +
               ", \"status\": " + std::to_string(status_) + ", \"reason\": " + quoted(reason_) +
               ", \"body\": " + quoted(body_) + ", \"left\": " + quoted(wire_.substr(used_)) + "}";
    }

private:
    void add(const std::string& event) {
        if (!events_.empty()) events_ += ", ";
        events_ += event;
    }
    // True if the connection ends with it.
    bool answer() {
        std::string out;
        http::ResponseHead head;
        head.implied_length = 0;
        const bool closes = codec_.encode_head(stream_, head, false, out).closes;
        codec_.encode_end(stream_, out);
        return closes;
    }

    void on_head(http::StreamId stream, http::RequestHead& head) override {
        stream_ = stream;
        std::string fields;
        for (const http::FieldSlices& field : head.fields()) {
            fields += fields.empty() ? "[" : ", [";
            fields += quoted(head.name(field)) + ", " + quoted(head.value(field)) + "]";
        }
        add("{\"head\": {\"method\": " + quoted(head.method()) +
            ", \"target\": " + quoted(head.target()) + ", \"version\": " +
            quoted(head.version == http::Version::http10 ? "1.0" : "1.1") + ", \"fields\": [" +
            fields + "]}, \"at\": " + std::to_string(used_ + head.block_size()) + "}");
    }
    void on_body(http::StreamId, std::string_view piece) override { body_ += piece; }
    void on_body_end(http::StreamId) override { complete_ = true; }
    void on_refusal(http::StreamId, const http::Refusal& refusal) override {
        status_ = refusal.status;
        reason_ = refusal.reason;
    }

    const http::Limits limits_;
    mew::http1::Codec codec_{limits_};
    std::string_view wire_;
    std::size_t used_ = 0;
    http::StreamId stream_ = 0;
    bool complete_ = false;
    std::string events_;
    std::string body_;
    int status_ = 0;
    std::string_view reason_;
};

bool read_case(std::string& wire) {
    unsigned char size[4];
    if (std::fread(size, 1, sizeof size, stdin) != sizeof size) return false;
    wire.resize(size[0] | size[1] << 8 | size[2] << 16 | std::uint32_t{size[3]} << 24);
    return std::fread(wire.data(), 1, wire.size(), stdin) == wire.size();
}

}  // namespace

int main() {
    std::string wire;
    while (read_case(wire)) std::puts(Connection(wire).run().c_str());
    return std::ferror(stdin) != 0 || std::ferror(stdout) != 0 ? 1 : 0;
}
