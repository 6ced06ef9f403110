#pragma once
// An answer of the server's own, whole: a refusal, or what takes the place of an app's.

#include <string>
#include <string_view>

#include "http/codec.h"

namespace mew::client {

// Appends it; `retry_after` in seconds, 0: no such header. Tells whether the connection ends.
bool append_own_answer(http::Codec& codec, http::StreamId stream, int status, bool close_after,
                       std::string& out, unsigned retry_after = 0);

}  // namespace mew::client
