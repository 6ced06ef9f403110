#include "client/proxy_header.h"

#include "base/format.h"

namespace mew::client {

net::ProxyHeader::Outcome take_proxy_header(std::string_view& bytes, PeerText& peer,
                                            const Settings& settings, RefusalLog& log,
                                            base::MonotonicTime now) {
    using Outcome = net::ProxyHeader::Outcome;
    if (!settings.trusted_proxies.trusts_peer(peer.address())) {
        log.write_connection(
            now, peer.address(), "it is not in trusted-proxies, so it may send no PROXY header",
            base::format("if that is a balancer of yours, add trusted-proxies = {}",
                         peer.address().empty() ? "unix" : peer.address()));
        return Outcome::refused;
    }
    const net::ProxyHeader header = net::parse_proxy_header(bytes);
    if (header.outcome == Outcome::refused)
        log.write_connection(now, peer.address(), header.fault, {});
    if (header.outcome != Outcome::done) return header.outcome;
    bytes.remove_prefix(header.size);
    if (header.has_source) peer = PeerText(header.source);
    return Outcome::done;
}

}  // namespace mew::client
