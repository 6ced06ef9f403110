#pragma once
// The opening handshake of RFC 6455 4.2, server's side: an upgrade request in the one neutral form
// of a head becomes an offer, and the offer an answer of 101. HTTP/2's extended CONNECT (RFC 8441)
// comes here as such a request too: the front makes it one.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/codec.h"
#include "http/request_head.h"
#include "http/response_head.h"
#include "websocket/extension.h"

namespace mew::websocket {

// Does it ask for a WebSocket: GET without a body, HTTP/1.1 or later, Upgrade and Connection? What
// does not is an ordinary request, whatever Sec-WebSocket fields it has.
bool asks_for_websocket(const http::RequestHead& head);

// What a client asks for; text is borrowed from the head.
struct Offer {
    std::string_view key;
    std::vector<std::string_view> subprotocols;  // as the client prefers them
    std::optional<Deflate> deflate;              // what we would agree on
};

// Of a request that asks_for_websocket(). Refused: 426 for any version but 13, to be answered with
// kVersionField; 400 for a bad key, or fields that break their grammar.
base::Result<Offer, http::Refusal> read_offer(const http::RequestHead& head);

// The field that an answer of 426 must carry.
inline constexpr http::Header kVersionField{"Sec-WebSocket-Version", "13"};

struct Acceptance {
    std::string_view key;            // the offer's
    std::string_view subprotocol;    // empty: none
    std::optional<Deflate> deflate;  // nothing: not compressed
    // More fields, of a ResponseHead that has passed check(); those that the handshake itself sets
    // are left out, and those that speak of a body.
    const std::vector<http::Header>* headers = nullptr;
};

// The head of the answer, whole; frames follow it.
void append_accept_head(const Acceptance& acceptance, std::string& out);

}  // namespace mew::websocket
