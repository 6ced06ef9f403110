#pragma once
// The first bytes of a connection to a socket of which Settings::expects_proxy_header is true: a
// balancer's PROXY header, believed of peers in trusted-proxies alone. Both ways in take it before
// anything else of the connection is looked at.

#include <string_view>

#include "base/clock.h"
#include "client/peer.h"
#include "client/refusal_log.h"
#include "client/settings.h"
#include "net/proxy_protocol.h"

namespace mew::client {

// `bytes`: all that came of the connection. done: they begin behind the header now, and `peer` is
// the client, if the header names one. refused: the log says why; the connection is to be closed
// without a word. more: show them again, with more behind.
net::ProxyHeader::Outcome take_proxy_header(std::string_view& bytes, PeerText& peer,
                                            const Settings& settings, RefusalLog& log,
                                            base::MonotonicTime now);

}  // namespace mew::client
