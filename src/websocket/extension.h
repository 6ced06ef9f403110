#pragma once
// permessage-deflate (RFC 7692) as far as it is negotiated. No answer of ours lets either side keep
// its window from message to message: an idle connection then holds no memory of zlib's, at the
// price of a somewhat worse ratio where messages are short.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/codec.h"

namespace mew::websocket {

// What is agreed on. Clients may use any window: ours is the greatest there is.
struct Deflate {
    std::uint8_t window_bits = 15;     // of what the server sends: 9 to 15
    bool answers_window_bits = false;  // the client asked for it, so the answer repeats it
};

// The first acceptable offer in `value`, one Sec-WebSocket-Extensions field; nothing if there is
// none. Unknown extensions and parameters are declined, not refused; 400 where the grammar of RFC
// 6455 9.1 is broken.
base::Result<std::optional<Deflate>, http::Refusal> find_deflate(std::string_view value);

// The value of the answer's Sec-WebSocket-Extensions.
void append_extension(const Deflate& deflate, std::string& out);

}  // namespace mew::websocket
