// What arbitrary Forwarded and X-Forwarded fields come to, from every kind of peer: results are
// what their names say, others change nothing, and no element to the left of the client's has a
// say.
//
// An input is lines: a letter that names the field (FIELDS), then its value.

#include <fcntl.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/forwarding.h"
#include "fuzz/pieces.h"
#include "http/grammar.h"
#include "http/testing/built_head.h"
#include "log/log.h"

namespace {

namespace http = mew::http;
using http::testing::BuiltHead;
using mew::client::Forwarding;
using mew::client::Settings;
using mew::net::TrustedProxies;

struct Field {
    char letter;
    const char* name;
};
constexpr Field kFields[] = {
    {'w', "Forwarded"},
    {'f', "X-Forwarded-For"},
    {'h', "X-Forwarded-Host"},
    {'p', "X-Forwarded-Proto"},
    {'n', "X-Forwarded-Port"},
    {'s', "X-Forwarded-Ssl"},
    {'o', "Host"},
};

struct Input {
    BuiltHead::Fields fields;
    std::string remote_address;  // 'r'
};

Input read(std::string_view text) {
    Input input;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.empty()) continue;
        const std::string_view value = http::trim_blanks(line.substr(1));
        if (!http::is_field_value(value)) continue;  // no codec lets it pass
        if (line.front() == 'r') input.remote_address = value;
        for (const Field& field : kFields) {
            if (field.letter == line.front()) input.fields.emplace_back(field.name, value);
        }
    }
    return input;
}

std::string describe(const http::RequestHead& head) {
    std::string text(head.client_address());
    for (const std::string_view part : {head.client_port(), head.authority(), head.server_port()})
        text.append(" ").append(part);
    for (const bool fact :
         {head.https, head.forwarded_client, head.forwarded_scheme, head.forwarded_host})
        text += fact ? '1' : '0';
    return text;
}

void expect_rules(const http::RequestHead& head, const TrustedProxies& trusted) {
    const auto in_rules = [&](bool holds, const char* rule) {
        mew::fuzz::require(holds, rule, [&] { return describe(head); });
    };
    const std::string_view client = head.client_address();
    in_rules(!head.forwarded_client || http::is_ipv4(client) || http::is_ipv6(client),
             "the client is no address");
    in_rules(head.client_port().empty() || http::is_port(head.client_port()), "a client's port");
    in_rules(head.server_port().empty() || http::is_port(head.server_port()), "a server's port");
    in_rules(!head.forwarded_host || http::is_valid_authority(head.authority()), "a host");
    in_rules(!trusted.empty() || !(head.forwarded_client || head.forwarded_scheme ||
                                   head.forwarded_host || !head.server_port().empty()),
             "nobody is trusted");
}

std::string apply(const Input& input, const Settings& settings, const Forwarding::Peer& peer) {
    BuiltHead built(input.fields, input.remote_address);
    Forwarding(settings).apply(built.head, peer);
    expect_rules(built.head, settings.trusted_proxies);
    return describe(built.head);
}

bool names_a_stranger(const Input& input, const Settings& settings, const Forwarding::Peer& peer) {
    BuiltHead built(input.fields, input.remote_address);
    Forwarding(settings).apply(built.head, peer);
    return built.head.forwarded_client &&
           !settings.trusted_proxies.trusts(built.head.client_address());
}

// What a client could have sent before proxies added theirs, in the same line or one before.
void expect_no_say_on_the_left(const Input& input, const Settings& settings,
                               const Forwarding::Peer& peer, const std::string& outcome) {
    for (const std::string name : {"Forwarded", "X-Forwarded-For"}) {
        const auto first = std::find_if(input.fields.begin(), input.fields.end(),
                                        [&](const auto& field) { return field.first == name; });
        if (first == input.fields.end()) continue;
        const auto place = first - input.fields.begin();
        for (const std::string left : {"10.0.0.9", "\"", "for=10.0.0.9;host=evil", "for=\"a"}) {
            Input more = input;
            more.fields[static_cast<std::size_t>(place)].second.insert(0, left + ",");
            mew::fuzz::require(apply(more, settings, peer) == outcome, "the left has a say",
                               [&] { return outcome; });
            more = input;
            more.fields.insert(more.fields.begin(), {name, left});
            mew::fuzz::require(apply(more, settings, peer) == outcome, "a line before has a say",
                               [&] { return outcome; });
        }
    }
}

Settings trusting(const std::vector<std::string>& texts) {
    Settings settings;
    settings.trusted_proxies = *TrustedProxies::parse(texts);
    return settings;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const bool quiet = [] {
        mew::log::configure({.fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC)});
        return true;
    }();
    static const Settings trusts_some = trusting({"10.0.0.0/8", "fd00::/8", "unix"});
    static const Settings trusts_nobody = trusting({});
    const Input input = read({reinterpret_cast<const char*>(data), quiet ? size : 0});
    for (const Forwarding::Peer& peer :
         {Forwarding::Peer{"10.0.0.1"}, Forwarding::Peer{"192.0.2.1"}, Forwarding::Peer{""},
          Forwarding::Peer{"10.0.0.1", true}}) {
        const std::string outcome = apply(input, trusts_some, peer);
        if (names_a_stranger(input, trusts_some, peer))
            expect_no_say_on_the_left(input, trusts_some, peer, outcome);
        (void)apply(input, trusts_nobody, peer);
    }
    return 0;
}
