#pragma once
// Whole messages of permessage-deflate (RFC 7692 7.2). As no window is kept from one to the next,
// all connections of a thread share one stream of zlib's for each direction, and one piece of
// memory for what comes out: views are valid until the same function is called again on the thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace mew::websocket {

// Messages beyond this are neither compressed nor inflated: zlib counts in 32 bits.
inline constexpr std::size_t kMostDeflated = std::size_t{1} << 30;

struct Inflated {
    enum class Outcome : std::uint8_t { done, malformed, too_large };
    Outcome outcome = Outcome::done;
    std::string_view message;
};

// `most`: bytes that the message may have; nothing beyond it is ever inflated.
Inflated inflate_message(std::string_view compressed, std::size_t most);

// Empty: it would not get shorter. `window_bits`: 9 to 15.
std::string_view deflate_message(std::string_view message, int window_bits);

// Gives back what an uncommonly large message left behind; cheap where there was none.
void trim_deflate_memory();

}  // namespace mew::websocket
