#include "net/address.h"

#include <sys/un.h>

#include <charconv>
#include <string_view>

namespace mew::net {
namespace {

// The final NUL is not needed by the kernel, but programs that connect to us may count on it.
constexpr std::size_t kMostPath = sizeof(sockaddr_un::sun_path) - 1;

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
    if (address.host.find('\0') != std::string::npos)
        return base::fail("the path of a UNIX socket cannot hold a NUL byte");
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

// What looks like an address but is none that can be listened on (yet).
std::string known_mistake(const std::string& text) {
    if (text.empty()) return "the address to listen on is empty; write it as :8000";
    if (only_digits(text))
        return "'" + text + "' is no address; write :" + text + " for a TCP port or ./" + text +
               " for a UNIX socket";
    const std::size_t scheme = text.find("://");
    if (scheme != std::string::npos && text.compare(0, 4, "http") == 0)
        return "'" + text + "' is a URL; an address has no scheme: " + text.substr(scheme + 3);
    if (text.starts_with("fd://") || text.front() == '=')
        return "'" + text + "' means an inherited socket, which mewsgi cannot use yet";
    if (text.find('/') == std::string::npos && text.find('*') != std::string::npos &&
        text.front() != '@')
        return "'" + text + "' has a pattern for a host, which mewsgi cannot use yet; write the " +
               "address itself, or nothing before the colon for all of them";
    return {};
}

}  // namespace

base::Result<Address> parse_address(const std::string& text) {
    if (std::string mistake = known_mistake(text); !mistake.empty())
        return base::fail(std::move(mistake));
    if (text.front() == '[') return parse_ipv6(text);
    const std::size_t colon = text.rfind(':');
    if (text.front() == '@' || text.find('/') != std::string::npos || colon == std::string::npos)
        return parse_unix(text);
    if (text.find(':') != colon)
        return base::fail("'" + text + "' has more than one colon; an IPv6 address goes into " +
                          "brackets: [::1]:8000");
    Address address;
    address.host = text.substr(0, colon);
    auto port = parse_port(std::string_view(text).substr(colon + 1), text);
    if (!port) return std::move(port).failure();
    address.port = *port;
    return address;
}

}  // namespace mew::net
