#include "net/proxy_protocol.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace mew::net {

namespace {

using Outcome = ProxyHeader::Outcome;

constexpr std::string_view kText = "PROXY ";
constexpr std::size_t kLongestText = 107;  // CR LF included
constexpr std::string_view kBinary("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kBinaryHead = 16;
constexpr std::uint8_t kChecksum = 3;  // PP2_TYPE_CRC32C

ProxyHeader refuse(std::string_view fault) {
    ProxyHeader header;
    header.outcome = Outcome::refused;
    header.fault = fault;
    return header;
}

ProxyHeader done(std::size_t size) {
    ProxyHeader header;
    header.outcome = Outcome::done;
    header.size = size;
    return header;
}

void set_source(ProxyHeader& header, const in_addr& address, in_port_t port) {
    const sockaddr_in source{AF_INET, port, address, {}};
    std::memcpy(&header.source, &source, sizeof source);
    header.has_source = true;
}

void set_source(ProxyHeader& header, const in6_addr& address, in_port_t port) {
    sockaddr_in6 source{};
    source.sin6_family = AF_INET6;
    source.sin6_port = port;
    source.sin6_addr = address;
    std::memcpy(&header.source, &source, sizeof source);
    header.has_source = true;
}

// --- version 1: one line of text

// The next word of the line; words are parted by exactly one blank.
std::string_view take_word(std::string_view& line) {
    const std::size_t end = std::min(line.find(' '), line.size());
    const std::string_view word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
    return word;
}

template <typename Address>
std::optional<Address> parse_address(int family, std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> copy{};
    if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos)
        return std::nullopt;
    std::copy(text.begin(), text.end(), copy.begin());
    Address address{};
    if (::inet_pton(family, copy.data(), &address) != 1) return std::nullopt;
    return address;
}

// In network order. No leading zeros, as the specification asks.
std::optional<in_port_t> parse_port(std::string_view text) {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text.front() == '0'))
        return std::nullopt;
    unsigned value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return std::nullopt;
        value = value * 10 + static_cast<unsigned>(c - '0');
    }
    if (value > 65535) return std::nullopt;
    return htons(static_cast<in_port_t>(value));
}

template <typename Address>
ProxyHeader read_line(int family, std::string_view rest, std::size_t size) {
    if (std::count(rest.begin(), rest.end(), ' ') != 3)
        return refuse("a PROXY line holds two addresses and two ports");
    const auto source = parse_address<Address>(family, take_word(rest));
    const auto destination = parse_address<Address>(family, take_word(rest));
    if (!source || !destination)
        return refuse("an address of the PROXY line is none of its family");
    const auto port = parse_port(take_word(rest));
    const auto destination_port = parse_port(take_word(rest));
    if (!port || !destination_port) return refuse("a port of the PROXY line is no number of one");
    ProxyHeader header = done(size);
    set_source(header, *source, *port);
    return header;
}

ProxyHeader parse_text(std::string_view bytes) {
    const std::size_t end = bytes.substr(0, kLongestText).find('\n');
    if (end == std::string_view::npos) {
        return bytes.size() < kLongestText ? ProxyHeader{}
                                           : refuse("a PROXY line is longer than 107 bytes");
    }
    if (bytes[end - 1] != '\r') return refuse("a PROXY line does not end with CR LF");
    std::string_view line = bytes.substr(kText.size(), end - 1 - kText.size());
    const std::string_view family = take_word(line);
    if (family == "TCP4") return read_line<in_addr>(AF_INET, line, end + 1);
    if (family == "TCP6") return read_line<in6_addr>(AF_INET6, line, end + 1);
    if (family == "UNKNOWN") return done(end + 1);  // whatever else it says is to be ignored
    return refuse("a PROXY line names none of TCP4, TCP6 and UNKNOWN");
}

// --- version 2: sixteen bytes, addresses, extensions

std::size_t number_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::size_t>(static_cast<unsigned char>(bytes[at])) << 8 |
           static_cast<unsigned char>(bytes[at + 1]);
}

std::uint32_t crc32c(std::uint32_t sum, unsigned char byte) {
    sum ^= byte;
    for (int bit = 0; bit < 8; ++bit) sum = sum >> 1 ^ ((sum & 1) != 0 ? 0x82f63b78U : 0U);
    return sum;
}

// Over the whole header, with zeros in the place of the sum itself.
bool sum_fits(std::string_view header, std::size_t at) {
    std::uint32_t sum = ~0U;
    std::uint32_t told = 0;
    for (std::size_t i = 0; i < header.size(); ++i) {
        const bool own = i >= at && i < at + 4;
        const auto byte = static_cast<unsigned char>(header[i]);
        if (own) told = told << 8 | byte;
        sum = crc32c(sum, own ? 0 : byte);
    }
    return ~sum == told;
}

// What is wrong with the extensions from `at` on; empty: nothing. They are read for their lengths
// and the checksum alone.
std::string_view check_extensions(std::string_view header, std::size_t at) {
    while (at < header.size()) {
        if (header.size() - at < 3) return "the PROXY header ends within an extension";
        const std::size_t size = number_at(header, at + 1);
        const auto type = static_cast<std::uint8_t>(header[at]);
        at += 3;
        if (header.size() - at < size) return "the PROXY header ends within an extension";
        if (type == kChecksum && (size != 4 || !sum_fits(header, at)))
            return "the checksum of the PROXY header does not fit";
        at += size;
    }
    return {};
}

template <typename Address>
ProxyHeader read_addresses(std::string_view header) {
    constexpr std::size_t kAddresses = 2 * sizeof(Address) + 4;
    if (header.size() < kBinaryHead + kAddresses)
        return refuse("the PROXY header is too short for its addresses");
    if (const auto fault = check_extensions(header, kBinaryHead + kAddresses); !fault.empty())
        return refuse(fault);
    Address address{};
    in_port_t port = 0;
    std::memcpy(&address, &header[kBinaryHead], sizeof address);
    std::memcpy(&port, &header[kBinaryHead + 2 * sizeof address], sizeof port);
    ProxyHeader parsed = done(header.size());
    set_source(parsed, address, port);
    return parsed;
}

ProxyHeader parse_binary(std::string_view bytes) {
    if (bytes.size() < kBinaryHead) return {};
    const auto command = static_cast<unsigned char>(bytes[12]);
    const auto family = static_cast<unsigned char>(bytes[13]);
    if (command >> 4 != 2) return refuse("the PROXY header has a version that is not known");
    if ((command & 15) > 1) return refuse("the PROXY header has a command that is not known");
    if (family >> 4 > 3 || (family & 15) > 2)
        return refuse("the PROXY header has a family that is not known");
    const std::size_t size = kBinaryHead + number_at(bytes, 14);
    if (size > kLongestProxyHeader) return refuse("the PROXY header is longer than 4096 bytes");
    if (bytes.size() < size) return {};
    const bool local = (command & 15) == 0;
    if (!local && family == 0x11) return read_addresses<in_addr>(bytes.substr(0, size));
    if (!local && family == 0x21) return read_addresses<in6_addr>(bytes.substr(0, size));
    return done(size);  // of the balancer itself, or by no TCP
}

bool begins_alike(std::string_view bytes, std::string_view mark) {
    const std::size_t size = std::min(bytes.size(), mark.size());
    return bytes.substr(0, size) == mark.substr(0, size);
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) {
    if (bytes.starts_with(kText)) return parse_text(bytes);
    if (bytes.starts_with(kBinary)) return parse_binary(bytes);
    if (begins_alike(bytes, kText) || begins_alike(bytes, kBinary)) return {};
    return refuse("it does not begin with a PROXY header");
}

}  // namespace mew::net
