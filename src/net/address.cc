#include "net/address.h"

#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <string_view>

namespace mew::net {
namespace {

// The final NUL is not needed by the kernel, but programs that connect to us may count on it.
constexpr std::size_t kMostPath = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::string_view kDescriptor = "fd://";

bool only_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

base::Result<std::uint16_t> parse_port(std::string_view text, const std::string& whole) {
    if (text.empty()) return std::uint16_t{0};
    std::uint16_t port = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (problem != std::errc{} || end != text.data() + text.size())
        return base::fail("'" + std::string(text) + "' in the address '" + whole +
                          "' is no port; a port is a number from 0 to 65535");
    return port;
}

base::Result<Address> parse_unix(const std::string& text) {
    const bool abstract = text.front() == '@';
    Address address;
    address.kind = abstract ? Address::Kind::unix_abstract : Address::Kind::unix_path;
    address.host = abstract ? text.substr(1) : text;
    if (address.host.empty())
        return base::fail("the abstract UNIX socket '@' needs a name behind the @");
    if (address.host.size() > kMostPath)
        return base::fail("the path of the UNIX socket '" + text + "' has " +
                          std::to_string(address.host.size()) + " bytes; at most " +
                          std::to_string(kMostPath) + " are possible, use a shorter one");
    if (!abstract && address.host.back() == '/')
        return base::fail("'" + text + "' is a folder; a UNIX socket needs a name of its own");
    return address;
}

base::Result<Address> parse_ipv6(const std::string& text) {
    const std::size_t end = text.find(']');
    if (end == std::string::npos || (end + 1 < text.size() && text[end + 1] != ':'))
        return base::fail("'" + text + "' is no IPv6 address with a port; write it as [::1]:8000");
    Address address;
    address.kind = Address::Kind::ipv6;
    address.host = text.substr(1, end - 1);
    const std::string port = end + 2 <= text.size() ? text.substr(end + 2) : "";
    auto number = parse_port(port, text);
    if (!number) return std::move(number).failure();
    address.port = *number;
    return address;
}

// "fd://3" and "=0": a kind and a number.
base::Result<Address> parse_numbered(Address::Kind kind, std::string_view digits,
                                     const std::string& text, const char* example) {
    Address address;
    address.kind = kind;
    const auto [end, problem] =
        std::from_chars(digits.data(), digits.data() + digits.size(), address.number);
    if (!only_digits(digits) || problem != std::errc{} || end != digits.data() + digits.size())
        return base::fail("'" + text + "' has no number; write it as " + example);
    return address;
}

base::Result<Address> parse_host_and_port(const std::string& text, std::size_t colon) {
    Address address;
    address.host = text.substr(0, colon);
    auto port = parse_port(std::string_view(text).substr(colon + 1), text);
    if (!port) return std::move(port).failure();
    address.port = *port;
    const auto is_odd = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; };
    if (std::any_of(address.host.begin(), address.host.end(), is_odd))
        return base::fail("'" + text + "' has a blank or an odd byte in its host");
    const std::size_t star = address.host.find('*');
    if (star == std::string::npos) return address;
    const bool at_end = star + 1 == address.host.size();
    address.host.resize(star);
    if (!at_end || address.host.find_first_not_of("0123456789.") != std::string::npos)
        return base::fail("the * in '" + text + "' stands for the end of an IPv4 address; write " +
                          "it as 192.168.*:8000");
    if (!address.host.empty()) address.kind = Address::Kind::ipv4_pattern;
    return address;
}

// What looks like an address but is none that can be listened on (yet).
std::string known_mistake(const std::string& text) {
    if (text.empty()) return "an address is needed, as in :8000, 127.0.0.1:8000 or /run/app.sock";
    if (text.find('\0') != std::string::npos) return "an address cannot hold a NUL byte";
    if (only_digits(text))
        return "'" + text + "' is no address; write :" + text + " for a TCP port or ./" + text +
               " for a UNIX socket";
    if (text.find(',') != std::string::npos)
        return "'" + text + "': certificates cannot be given here yet; write host:port or a path";
    const std::size_t scheme = text.find("://");
    if (scheme == std::string::npos || text.starts_with(kDescriptor)) return {};
    return "'" + text + "' is a URL; an address has no scheme: " + text.substr(scheme + 3);
}

}  // namespace

base::Result<Address> parse_address(const std::string& text) {
    if (std::string mistake = known_mistake(text); !mistake.empty())
        return base::fail(std::move(mistake));
    if (text.starts_with(kDescriptor))
        return parse_numbered(Address::Kind::descriptor,
                              std::string_view(text).substr(kDescriptor.size()), text, "fd://3");
    if (text.front() == '=')
        return parse_numbered(Address::Kind::shared, std::string_view(text).substr(1), text, "=0");
    if (text.front() == '[') return parse_ipv6(text);
    const std::size_t colon = text.rfind(':');
    if (text.front() == '@' || text.find('/') != std::string::npos || colon == std::string::npos)
        return parse_unix(text);
    if (text == "::") {
        Address standard_input;
        standard_input.kind = Address::Kind::descriptor;
        return standard_input;
    }
    if (text.find(':') != colon)
        return base::fail("'" + text + "' has more than one colon; an IPv6 address goes into " +
                          "brackets: [::1]:8000");
    return parse_host_and_port(text, colon);
}

}  // namespace mew::net
