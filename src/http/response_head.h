#pragma once
// The head of an answer in neutral form, and the rules that hold for it whatever the protocol
// (http-rules 28 to 31). Names and values are borrowed from the app for the time of the call.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/field_name.h"

namespace mew::http {

struct Header {
    std::string_view name;
    std::string_view value;
    FieldName id = FieldName::unknown;
    bool dropped = false;  // hop-by-hop: the server's to say, not the app's
};

struct ResponseHead {
    int status = 200;
    std::string_view reason;  // empty: the registered phrase
    std::vector<Header> headers;
    // The bridge knows the whole body although the app gave no Content-Length.
    std::optional<std::uint64_t> implied_length;

    // Found by check():
    std::optional<std::uint64_t> content_length;
    bool has_date = false;
    bool has_server = false;
    bool wants_close = false;       // the app said Connection: close
    bool says_chunked = false;      // it set Transfer-Encoding: chunked, which was dropped
    std::string_view dropped_name;  // the first dropped header, for one warning; empty: none

    void clear() {
        status = 200;
        reason = {};
        headers.clear();
        content_length.reset();
        implied_length.reset();
        has_date = has_server = wants_close = says_chunked = false;
        dropped_name = {};
    }

    // Validates status, names and values, recognises names, marks hop-by-hop fields as dropped.
    // The error is a sentence for the log; nothing of such a head may be sent.
    base::Result<void> check();
};

// Is this start of a body in chunks already: a line with a size, and behind it no more than that
// size says? An app that does this as well as the server would be read as gibberish.
bool is_in_chunks(std::string_view start_of_body);

}  // namespace mew::http
