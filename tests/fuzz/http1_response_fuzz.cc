// What an app may answer, as far as bytes go: a head of any status, reason, names and values. What
// check() lets pass is encoded and read back by a second, simple reading: one head, the fields that
// went in and the server's own, no byte of the app's outside of its place, and the body framed as
// the head says.
//
// An input: flags; the status in two bytes; then texts, each a byte of size and its bytes: the
// reason, then names and values by turns, then the pieces of the body after an empty name.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz/pieces.h"
#include "http/grammar.h"
#include "http/response_head.h"
#include "http1/codec.h"

namespace {

using mew::http::BodyPlan;
using mew::http::Header;
using mew::http::ResponseHead;

constexpr std::array<std::string_view, 4> kRequests = {
    "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"};

struct NoEvents final : mew::http::StreamEvents {
    void on_head(mew::http::StreamId, mew::http::RequestHead&) override {}
    void on_body(mew::http::StreamId, std::string_view) override {}
    void on_body_end(mew::http::StreamId) override {}
    void on_refusal(mew::http::StreamId, const mew::http::Refusal&) override {}
};

class Texts {
public:
    explicit Texts(std::string_view bytes) : bytes_(bytes) {}
    bool empty() const { return bytes_.empty(); }
    std::uint8_t byte() {
        if (bytes_.empty()) return 0;
        const auto value = static_cast<std::uint8_t>(bytes_.front());
        bytes_.remove_prefix(1);
        return value;
    }
    std::string_view text() {
        const std::size_t wanted = byte();
        const std::size_t size = std::min(wanted, bytes_.size());
        const std::string_view taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }

private:
    std::string_view bytes_;
};

using Fields = std::vector<std::pair<std::string, std::string>>;

struct Read {
    std::string status_line;
    Fields fields;
    std::string_view rest;  // behind the empty line
};

void require(bool holds, const char* promise, std::string_view wire) {
    mew::fuzz::require(holds, promise, [&] { return std::string(wire); });
}

Read read_head(std::string_view wire) {
    Read read;
    for (std::size_t at = 0;;) {
        const std::size_t end = wire.find("\r\n", at);
        require(end != std::string_view::npos, "the head has no end", wire);
        const std::string_view line = wire.substr(at, end - at);
        require(line.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos,
                "a line holds a CR, a LF or a NUL", wire);
        at = end + 2;
        if (line.empty()) {
            read.rest = wire.substr(at);
            return read;
        }
        if (read.status_line.empty()) {
            read.status_line = line;
            continue;
        }
        const std::size_t colon = line.find(": ");
        require(colon != std::string_view::npos && mew::http::is_token(line.substr(0, colon)),
                "a line is not NAME: VALUE", wire);
        read.fields.emplace_back(line.substr(0, colon), line.substr(colon + 2));
    }
}

// Values of one name, in any case.
std::vector<std::string> values(const Fields& fields, std::string_view lower) {
    std::vector<std::string> found;
    for (const auto& [name, value] : fields) {
        if (mew::http::equals_ignoring_case(lower, name)) found.push_back(value);
    }
    return found;
}

std::string unchunked(std::string_view wire) {
    std::string body;
    for (std::string_view rest = wire;;) {
        std::size_t size = 0;
        const std::size_t end = rest.find("\r\n");
        require(end != std::string_view::npos && end > 0, "a chunk has no size", wire);
        for (const char c : rest.substr(0, end)) {
            require(mew::http::hex_digit(c) >= 0, "a chunk size is no number", wire);
            size = size * 16 + static_cast<std::size_t>(mew::http::hex_digit(c));
        }
        rest.remove_prefix(end + 2);
        require(rest.size() >= size + 2 && rest.substr(size, 2) == "\r\n", "a chunk is cut", wire);
        if (size == 0) {
            require(rest == "\r\n", "bytes come behind the last chunk", wire);
            return body;
        }
        body += rest.substr(0, size);
        rest.remove_prefix(size + 2);
    }
}

// What the app gave and nothing forbids, in its order, at the head of the list.
void expect_fields(const ResponseHead& head, const Read& read, std::string_view wire) {
    std::size_t next = 0;
    for (const Header& header : head.headers) {
        if (header.dropped) continue;
        if (header.id == mew::http::FieldName::content_length && head.status == 204) continue;
        require(next < read.fields.size() && read.fields[next].first == header.name &&
                    read.fields[next].second == header.value,
                "a field of the app's is not what it was", wire);
        ++next;
    }
    for (; next < read.fields.size(); ++next) {
        const auto& name = read.fields[next].first;
        require(name == "Content-Length" || name == "Server" || name == "Date" ||
                    name == "Transfer-Encoding" || name == "Connection",
                "a field is nobody's", wire);
    }
    for (const char* once : {"content-length", "transfer-encoding", "connection"}) {
        require(values(read.fields, once).size() <= 1, "a field that frames came twice", wire);
    }
    require(values(read.fields, "date").size() == 1, "not one Date", wire);
    require(values(read.fields, "server").size() == 1, "not one Server", wire);
}

void expect_framing(const ResponseHead& head, const BodyPlan& plan, const Read& read,
                    const std::string& body, std::string_view wire) {
    const auto lengths = values(read.fields, "content-length");
    const auto codings = values(read.fields, "transfer-encoding");
    const auto connection = values(read.fields, "connection");
    require(lengths.empty() || codings.empty(), "both framings", wire);
    require(plan.closes == (!connection.empty() && connection[0] == "close"),
            "the plan and the head differ about the end", wire);
    if (!plan.has_body) {
        require(read.rest.empty(), "an answer without a body has one", wire);
        require(codings.empty(), "an answer without a body is chunked", wire);
        require(lengths.empty() || head.status != 204, "a length with 204", wire);
    } else if (!codings.empty()) {
        require(unchunked(read.rest) == body, "the chunks are not the body", wire);
    } else {
        require(read.rest == body, "the body is not the body", wire);
        require(!lengths.empty() || plan.closes, "nothing tells the end of the body", wire);
    }
    if (plan.has_body && !lengths.empty()) {
        require(mew::http::parse_length(lengths[0]) == plan.length, "two lengths", wire);
    }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Texts texts({reinterpret_cast<const char*>(data), size});
    const std::uint8_t flags = texts.byte();
    ResponseHead head;
    head.status = texts.byte() * 256;
    head.status += texts.byte();
    head.reason = texts.text();
    while (!texts.empty()) {
        const std::string_view name = texts.text();
        if (name.empty() && !texts.empty()) break;
        head.headers.push_back({name, texts.text()});
    }
    if (!head.check()) return 0;

    std::vector<std::string_view> pieces;
    std::string body;
    while (!texts.empty()) pieces.push_back(texts.text());
    for (const std::string_view piece : pieces) body += piece;
    if ((flags & 4) != 0) head.implied_length = body.size();

    const mew::http::Limits limits;
    mew::http1::Codec codec(limits);
    NoEvents events;
    codec.decode(kRequests[flags & 3], events);
    std::string wire = "before";
    const BodyPlan plan = codec.encode_head(1, head, (flags & 8) != 0, wire);
    for (const std::string_view piece : pieces) {
        if (!plan.has_body) break;
        codec.encode_body_prefix(1, piece.size(), wire);
        wire += piece;
        codec.encode_body_suffix(1, wire);
    }
    codec.encode_end(1, wire);

    require(wire.starts_with("beforeHTTP/1.1 " + std::to_string(head.status) + " "),
            "the status line is not what it was", wire);
    const Read read = read_head(std::string_view(wire).substr(6));
    if (!head.reason.empty()) {
        require(read.status_line.substr(13) == head.reason, "the reason is not what it was", wire);
    }
    expect_fields(head, read, wire);
    expect_framing(head, plan, read, body, wire);
    return 0;
}
