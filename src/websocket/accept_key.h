#pragma once
// Sec-WebSocket-Accept of RFC 6455 4.2.2: SHA-1 and base64 of a key that both sides know. No secret
// is in it and nothing is protected by it, so the two are written out here: what loads this (the
// extension module) then links no library of cryptography.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace mew::websocket {

// FIPS 180-4 6.1.
std::array<std::uint8_t, 20> sha1(std::string_view bytes);

// RFC 4648 4, with padding.
std::string base64(std::string_view bytes);
// Are these 16 bytes in base64, as a Sec-WebSocket-Key is: 22 characters of the alphabet and "=="?
bool is_key(std::string_view text);

// The value of Sec-WebSocket-Accept.
std::string accept_key(std::string_view key);

}  // namespace mew::websocket
