#pragma once
// The two ends that OpenSSL reads from and writes to: bytes that are there, and a string that
// grows. No socket is behind it.

#include <string>
#include <string_view>

#include "tls/handles.h"

namespace mew::tls {

struct Channel {
    std::string_view in;         // not yet taken
    std::string* out = nullptr;  // null: nothing may be written now
};

// A BIO on `channel`, which must outlive it.
BioHandle make_bio(Channel& channel);

}  // namespace mew::tls
