#pragma once
// The head of an answer in HTTP/1.1 by which a worker accepts a WebSocket on a connection that is
// none of HTTP/1.1: read, checked as any answer's head, and made that of an extended CONNECT.

#include <cstddef>
#include <string_view>

#include "base/result.h"
#include "http/response_head.h"

namespace mew::front {

// Most bytes that such a head may have.
inline constexpr std::size_t kMostAcceptHead = 16384;

// Bytes of the head at the start of `text`, its empty line included; 0: it is not whole yet.
std::size_t accept_head_size(std::string_view text);

// `text` is all of it, and outlives `head`. 101 becomes 200 (RFC 8441 5); what belongs to the
// upgrade is dropped. The error says what is wrong with the worker's answer.
base::Result<void> read_accept_head(std::string_view text, http::ResponseHead& head);

}  // namespace mew::front
