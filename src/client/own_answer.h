#pragma once
// An answer of the server's own, whole: a refusal, or what takes the place of an app's.

#include <string>
#include <string_view>

#include "http/codec.h"

namespace mew::client {

struct OwnAnswer {
    int status = 500;
    bool close_after = false;
    unsigned retry_after = 0;                  // seconds; 0: no such header
    std::string_view transport_security = {};  // RFC 6797; empty: no such header
};

// Appends it. Tells whether the connection ends.
bool append_own_answer(http::Codec& codec, http::StreamId stream, const OwnAnswer& answer,
                       std::string& out);

}  // namespace mew::client
