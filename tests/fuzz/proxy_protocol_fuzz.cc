// PROXY headers, on pieces that the input itself chooses (split_input.h): the outcome is that of
// the whole in one piece, bounded, and nothing behind the header has a say in it.

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/pieces.h"
#include "fuzz/split_input.h"
#include "net/proxy_protocol.h"

namespace {

using mew::net::kLongestProxyHeader;
using mew::net::parse_proxy_header;
using mew::net::ProxyHeader;
using Outcome = ProxyHeader::Outcome;

std::string describe(const ProxyHeader& header) {
    const std::string_view source(reinterpret_cast<const char*>(&header.source),
                                  sizeof header.source);
    return std::to_string(static_cast<int>(header.outcome)) + " " + std::to_string(header.size) +
           " " + std::string(header.fault) + (header.has_source ? std::string(source) : "own");
}

void require(bool holds, const char* promise, std::string_view wire) {
    mew::fuzz::require(holds, promise, [&] {
        return std::string(wire) + "\n" + describe(parse_proxy_header(wire));
    });
}

void expect_rules(const ProxyHeader& header, std::string_view wire) {
    const bool done = header.outcome == Outcome::done;
    require(done == (header.size != 0), "only a whole header has a size", wire);
    require(header.size <= wire.size(), "the header ends behind what came", wire);
    require(header.size <= kLongestProxyHeader, "the header is too long", wire);
    require((header.outcome == Outcome::refused) == !header.fault.empty(), "a fault", wire);
    require(header.outcome != Outcome::more || wire.size() < kLongestProxyHeader,
            "waits for more of too much", wire);
    const auto family = header.source.ss_family;
    require(header.has_source ? done && (family == AF_INET || family == AF_INET6) : family == 0,
            "the family of the source", wire);
}

// A copy of exactly this size: a read past the end shows.
ProxyHeader parse(std::string_view wire) {
    const std::unique_ptr<char[]> fresh(new char[wire.size()]);
    if (!wire.empty()) std::memcpy(fresh.get(), wire.data(), wire.size());
    const ProxyHeader header = parse_proxy_header({fresh.get(), wire.size()});
    expect_rules(header, wire);
    return header;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const mew::fuzz::SplitInput input({reinterpret_cast<const char*>(data), size});
    const std::string whole = describe(parse(input.wire));
    for (const std::size_t arrived : input.arrivals()) {
        const ProxyHeader header = parse(input.wire.substr(0, arrived));
        if (header.outcome == Outcome::more) continue;
        require(describe(header) == whole, "the split changed the outcome", input.wire);
        if (header.outcome != Outcome::done) break;
        const std::string alone = describe(parse(input.wire.substr(0, header.size)));
        require(alone == whole, "bytes behind the header changed the outcome", input.wire);
        const std::string cut = describe(parse(input.wire.substr(0, header.size - 1)));
        require(cut == describe({}), "done before its last byte", input.wire);
        break;
    }
    return 0;
}
