#include "client/forwarding.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "http/grammar.h"
#include "log/log.h"

namespace mew::client {

namespace {

using http::ElementsFromEnd;
using http::FieldName;
using http::ForwardedNode;
using http::ForwardedScheme;
using http::RequestHead;

constexpr std::size_t kLongestShown = 64;

// What the trusted part of a list came to; empty: not said.
struct Said {
    std::optional<ForwardedNode> client;
    std::string_view scheme;
    std::string_view host;
    std::string_view port;  // of the server's side
    // What ended the walk, if it was neither an address nor "unknown" or hidden.
    std::string_view malformed;
};

bool is_hidden(std::string_view node) {
    return http::equals_ignoring_case("unknown", node) || node.starts_with('_');
}

// One hop further to the left, if `node` is trusted.
bool walk_on(Said& said, std::string_view node, const net::TrustedProxies& trusted) {
    const auto parsed = http::parse_forwarded_node(node);
    if (!parsed) {
        if (!node.empty() && !is_hidden(node)) said.malformed = node;
        return false;
    }
    said.client = parsed;
    return trusted.trusts(parsed->address);
}

Said read_forwarded(const RequestHead& head, const net::TrustedProxies& trusted) {
    Said said;
    ElementsFromEnd elements(head, FieldName::forwarded);
    while (const auto text = elements.next()) {
        const auto element = http::parse_forwarded_element(*text);
        if (!element) {
            said.malformed = *text;
            break;
        }
        if (!element->proto.empty()) said.scheme = element->proto;
        if (!element->host.empty()) said.host = element->host;
        if (!walk_on(said, element->from, trusted)) break;
    }
    return said;
}

// What stands as far from the right as the client does, or left-most: proxies that keep no list of
// it have written one value over whatever was there.
std::string_view value_at(const RequestHead& head, FieldName id, std::size_t place) {
    std::string_view value;
    ElementsFromEnd elements(head, id);
    for (std::size_t i = 0; i <= place; ++i) {
        const auto element = elements.next();
        if (!element) break;
        value = *element;
    }
    return value;
}

Said read_x_forwarded(const RequestHead& head, const net::TrustedProxies& trusted) {
    Said said;
    ElementsFromEnd elements(head, FieldName::x_forwarded_for);
    std::size_t read = 0;
    while (const auto node = elements.next()) {
        ++read;
        if (!walk_on(said, *node, trusted)) break;
    }
    const std::size_t place = read == 0 ? 0 : read - 1;
    said.scheme = value_at(head, FieldName::x_forwarded_proto, place);
    said.host = value_at(head, FieldName::x_forwarded_host, place);
    said.port = value_at(head, FieldName::x_forwarded_port, place);
    if (said.scheme.empty()) {
        const std::string_view ssl = value_at(head, FieldName::x_forwarded_ssl, place);
        if (http::equals_ignoring_case("on", ssl)) said.scheme = "https";
        if (http::equals_ignoring_case("off", ssl)) said.scheme = "http";
    }
    return said;
}

bool has_x_forwarded(const RequestHead& head) {
    return std::any_of(head.fields().begin(), head.fields().end(), [](const auto& field) {
        return field.id != FieldName::forwarded && http::is_forwarded_name(field.id);
    });
}

bool tells_scheme(FieldName id) {
    return id == FieldName::x_forwarded_proto || id == FieldName::x_forwarded_ssl;
}

// Several proxies make a list; the first one spoke to the client.
void believe_scheme(RequestHead& head) {
    for (const http::FieldSlices& field : head.fields()) {
        if (!tells_scheme(field.id)) continue;
        const std::string_view value = head.value(field);
        const std::string_view first = http::trim_blanks(value.substr(0, value.find(',')));
        const bool https = field.id == FieldName::x_forwarded_ssl
                               ? http::equals_ignoring_case("on", first)
                               : http::parse_forwarded_scheme(first) == ForwardedScheme::https;
        head.https = head.https || https;
    }
}

void take_client(RequestHead& head, const ForwardedNode& client) {
    head.forwarded_client = true;
    head.client_address_slice = head.slice(client.address);
    head.client_port_slice = client.port.empty() ? http::Slice{} : head.slice(client.port);
}

// The name of the first part that is malformed, with its value; empty: none is.
std::pair<std::string_view, std::string_view> take(RequestHead& head, const Said& said) {
    std::pair<std::string_view, std::string_view> malformed;
    if (said.client) take_client(head, *said.client);
    if (!said.malformed.empty()) malformed = {"an address", said.malformed};
    if (!said.scheme.empty()) {
        const ForwardedScheme scheme = http::parse_forwarded_scheme(said.scheme);
        head.forwarded_scheme = scheme != ForwardedScheme::none;
        if (head.forwarded_scheme) head.https = scheme == ForwardedScheme::https;
        if (!head.forwarded_scheme) malformed = {"a scheme", said.scheme};
    }
    if (!said.host.empty()) {
        head.forwarded_host = http::is_valid_authority(said.host);
        if (head.forwarded_host) head.authority_slice = head.slice(said.host);
        if (!head.forwarded_host) malformed = {"a host", said.host};
    }
    if (!said.port.empty()) {
        const bool valid = http::is_port(said.port);
        if (valid) head.server_port_slice = head.slice(said.port);
        if (!valid) malformed = {"a port", said.port};
    }
    return malformed;
}

std::string_view shown(std::string_view address) {
    return address.empty() ? std::string_view("a UNIX socket") : address.substr(0, kLongestShown);
}

}  // namespace

ToldAddresses::Answer ToldAddresses::ask(std::string_view address) {
    const std::size_t hash = std::hash<std::string_view>{}(address);
    if (hashes_.size() == kMost || std::find(hashes_.begin(), hashes_.end(), hash) != hashes_.end())
        return Answer::told;
    hashes_.push_back(hash);
    return hashes_.size() == kMost ? Answer::last : Answer::first;
}

void Forwarding::apply_fields(RequestHead& head, const Peer& peer) {
    const net::TrustedProxies& proxies = settings_.trusted_proxies;
    std::string_view hop = peer.address;
    bool trusted = proxies.trusts_peer(hop);
    // A listed gateway says who connected to it: one hop more.
    const bool through = trusted && peer.gateway && !head.client_address().empty();
    if (through) {
        hop = head.client_address();
        trusted = proxies.trusts(hop);
    }
    if (trusted) {
        const Said said =
            has_x_forwarded(head) ? read_x_forwarded(head, proxies) : read_forwarded(head, proxies);
        const auto [what, value] = take(head, said);
        if (!what.empty()) note_malformed(hop, what, value);
        return;
    }
    const bool scheme_counts =
        peer.gateway || peer.address.empty() || settings_.forwarded_proto_from_anyone;
    if (scheme_counts) believe_scheme(head);
    // One that is not listed says itself who its client is: nothing is missing.
    if (!peer.gateway || through) note_ignored(head, hop, scheme_counts);
}

void Forwarding::note_ignored(const RequestHead& head, std::string_view hop, bool scheme_counts) {
    const auto& fields = head.fields();
    const auto ignored = std::find_if(fields.begin(), fields.end(), [&](const auto& field) {
        return http::is_forwarded_name(field.id) && !(scheme_counts && tells_scheme(field.id));
    });
    if (ignored == fields.end()) return;
    const auto answer = ignored_.ask(hop);
    if (answer == ToldAddresses::Answer::told) return;
    log::info("forwarded-ignored",
              "ignored {} from {}, which is not in trusted-proxies; if that is a proxy of yours, "
              "add trusted-proxies = {}{}",
              head.name(*ignored), shown(hop), hop.empty() ? "unix" : shown(hop),
              answer == ToldAddresses::Answer::last ? " (further addresses are not logged)" : "");
}

void Forwarding::note_malformed(std::string_view hop, std::string_view what,
                                std::string_view value) {
    const auto answer = malformed_.ask(hop);
    if (answer == ToldAddresses::Answer::told) return;
    log::warning(
        "forwarded-malformed",
        "ignored what {}, a trusted proxy, says of a client: \"{}\" is not {}{}", shown(hop),
        value.substr(0, kLongestShown), what,
        answer == ToldAddresses::Answer::last ? " (further addresses are not logged)" : "");
}

}  // namespace mew::client
