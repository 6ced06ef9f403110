// The head by which a worker accepts a WebSocket over HTTP/2: an input is what it sends. Its end is
// found the same however little of it came before; what is let pass may stand in an answer, and is
// read from its bytes alone.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "front/accept_head.h"
#include "fuzz/pieces.h"
#include "http/grammar.h"

namespace {

using mew::http::FieldName;

void require(bool holds, const char* promise) {
    mew::fuzz::require(holds, promise, [] { return std::string(); });
}

void check_header(const mew::http::Header& header, std::string_view head) {
    require(mew::http::is_token(header.name), "a name that is none");
    require(mew::http::is_field_value(header.value), "a value that is none");
    require(header.id != FieldName::sec_websocket_accept && header.id != FieldName::content_length,
            "a field of the upgrade, or of a body");
    const bool of_connection =
        header.id == FieldName::connection || header.id == FieldName::upgrade ||
        header.id == FieldName::transfer_encoding || header.id == FieldName::keep_alive;
    require(header.dropped || !of_connection, "a field of the connection");
    require(header.name.data() > head.data() &&
                header.value.data() + header.value.size() < head.data() + head.size(),
            "text from elsewhere");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(data), size);
    const std::size_t found = mew::front::accept_head_size(all);
    mew::fuzz::Pieces pieces(all);
    for (std::size_t came = 0; came < all.size();) {
        came = std::min(all.size(), came + pieces.next(64));
        const std::size_t seen = mew::front::accept_head_size(all.substr(0, came));
        require(seen == (found != 0 && came >= found ? found : 0), "another end");
    }
    if (found == 0) return 0;
    require(found <= all.size() && found <= mew::front::kMostAcceptHead, "an end beyond the bytes");
    const std::string head(all.substr(0, found));
    mew::http::ResponseHead read;
    if (!mew::front::read_accept_head(head, read)) return 0;
    require(read.status == 200 && !read.content_length, "not an open WebSocket");
    require(head.starts_with("HTTP/1.1 101"), "accepted though it was not");
    for (const mew::http::Header& header : read.headers) check_header(header, head);
    return 0;
}
