#pragma once
// PEM text made into OpenSSL's objects, with errors for people. Used where certificates are checked
// (the master's child) and where they are served (fronts): both see the same mistakes.

#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/handles.h"
#include "tls/material.h"

namespace mew::tls {

struct Pair {
    std::vector<CertificateHandle> chain;  // the server's own first; never empty
    KeyHandle key;
};

// All certificates of a text; other blocks in it (a key) are passed over. At least one, or an
// error; `source` names the text in it.
base::Result<std::vector<CertificateHandle>> read_certificates(std::string_view pem,
                                                               std::string_view source);
// A key that is encrypted is an error: nobody is there to type a password.
base::Result<KeyHandle> read_key(std::string_view pem, std::string_view source);
// The chain and the key of a certificate, which belong together.
base::Result<Pair> read_pair(const Certificate& certificate);

// Unix seconds; the first of the chain to end.
std::int64_t expiry_of(const std::vector<CertificateHandle>& chain);

}  // namespace mew::tls
