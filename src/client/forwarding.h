#pragma once
// Applies what proxies say of a request's client, as far as they are believed (http-rules 14): the
// step between a codec's on_head and whoever reads the head next. Both ways in take it. The results
// are slices of header values, so nothing is copied; a request without such fields costs one look
// at a flag.
//
// The peer is in `trusted-proxies`: lists are read from the right. Each element was added by the
// hop right of it, the last one by the peer, and counts as long as that hop is trusted. The client
// is the first address that is no trusted proxy's; where all are, the left-most; scheme and host
// are what stands with it. A gateway's REMOTE_ADDR is one hop more, right of the list. What is
// malformed or unknown ends the walk: then the last address that was known counts, and a malformed
// host, scheme or port counts as not said.
//
// If there are both, X-Forwarded-* fields count and Forwarded does not: most proxies write those
// and pass on a Forwarded that the client made up. A proxy that writes Forwarded must remove them.
//
// The peer is a web server, though not listed (a UNIX socket's, a gateway's): believed for the
// scheme only, https if any X-Forwarded-Proto or -Ssl says so. So is everybody with
// `forwarded-proto-from-anyone`. Of all others nothing is taken.

#include <cstdint>
#include <string_view>
#include <vector>

#include "client/settings.h"
#include "http/forwarded.h"
#include "http/request_head.h"

namespace mew::client {

// Addresses that a line of the log told of already. Bounded: beyond so many, all count as told of.
class ToldAddresses {
public:
    static constexpr std::size_t kMost = 64;

    enum class Answer : std::uint8_t { told, first, last };  // last: no more will be the first
    Answer ask(std::string_view address);

private:
    std::vector<std::size_t> hashes_;
};

// One for each process that serves clients; on its loop.
class Forwarding final {
public:
    // What is at the other end of a connection.
    struct Peer {
        std::string_view address;  // as the connection, or its PROXY header, has it; "": UNIX
        bool gateway = false;      // it speaks uwsgi, FastCGI or SCGI
    };

    explicit Forwarding(const Settings& settings) : settings_(settings) {}

    // Once for each head, before anybody reads of it who the client is.
    void apply(http::RequestHead& head, const Peer& peer) {
        if (head.has_forwarded) apply_fields(head, peer);
    }

private:
    void apply_fields(http::RequestHead& head, const Peer& peer);
    void note_ignored(const http::RequestHead& head, std::string_view hop, bool scheme_counts);
    void note_malformed(std::string_view hop, std::string_view what, std::string_view value);

    const Settings& settings_;
    ToldAddresses ignored_;
    ToldAddresses malformed_;
};

}  // namespace mew::client
