#pragma once
// The head of an answer as the payload of a record: see ReplyHead in mailbox/layout.h.

#include <string>
#include <string_view>

#include "http/response_head.h"

namespace mew::mailbox {

// Appends; headers that are the server's to say stay behind. `head` has passed check().
void append_reply_head(std::string& out, const http::ResponseHead& head);
// Texts are slices of `bytes`, which is the reader's own copy. False: it is none. What it says is
// still to be checked (ResponseHead::check, which forgets wants_close: `wants_close` is that).
bool read_reply_head(std::string_view bytes, http::ResponseHead& head, bool& wants_close);

}  // namespace mew::mailbox
