#include "gateway/scgi_codec.h"

#include <algorithm>

#include "http/grammar.h"

namespace mew::gateway {

namespace {

constexpr std::size_t kMostDigits = 9;

struct Netstring {
    enum class State : std::uint8_t { more, whole, malformed } state = State::malformed;
    std::size_t start = 0;  // of the content
    std::size_t size = 0;
};

// "12:hello world!,", as far as "12:".
Netstring start_of_netstring(std::string_view bytes) {
    Netstring found;
    std::size_t digits = 0;
    while (digits < bytes.size() && digits < kMostDigits && http::is_digit(bytes[digits])) {
        found.size = found.size * 10 + static_cast<std::size_t>(bytes[digits] - '0');
        ++digits;
    }
    // A number has no zeros before it; nor is there a request of nothing.
    if (digits > 0 && bytes[0] == '0') return found;
    if (digits == bytes.size()) {
        found.state = Netstring::State::more;
    } else if (digits > 0 && bytes[digits] == ':') {
        found.state = Netstring::State::whole;
        found.start = digits + 1;
    }
    return found;
}

// Up to the next NUL; false: there is none.
bool take_slice(std::string_view text, std::size_t& at, http::Slice& slice) {
    const std::size_t end = text.find('\0', at);
    if (end == std::string_view::npos) return false;
    slice = {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(end - at)};
    at = end + 1;
    return true;
}

}  // namespace

PacketCodec::Outcome ScgiCodec::take_packet(std::string_view bytes, std::size_t& size) {
    if (looks_like_tls(bytes)) return refuse({400, "TLS was spoken to an SCGI port"});
    const char first = bytes[0];
    if (first >= 'A' && first <= 'Z') {
        if (bytes.size() < 4) return Outcome::more;
        if (looks_like_http(bytes)) {
            return refuse_in_http({400,
                                   "HTTP was spoken to an SCGI port; use http-socket, or "
                                   "scgi_pass in nginx"});
        }
    }
    const Netstring netstring = start_of_netstring(bytes);
    if (netstring.state == Netstring::State::malformed) {
        if (first == '\x16' && bytes.size() < 2) return Outcome::more;
        return refuse({400, "an SCGI request does not start with its size and a colon"});
    }
    if (netstring.state == Netstring::State::more) return Outcome::more;
    if (netstring.size > limits_.head_bytes) {
        return refuse({431, "the SCGI request head is larger than buffer-size"});
    }
    const std::size_t end = netstring.start + netstring.size;
    if (bytes.size() <= end) return Outcome::more;
    if (bytes[end] != ',') {
        return refuse({400, "the head of the SCGI request does not end with a comma"});
    }
    size = end + 1;
    return take_variables(bytes.substr(netstring.start, netstring.size));
}

PacketCodec::Outcome ScgiCodec::take_variables(std::string_view variables) {
    builder_.block().assign(variables);
    bool scgi = false;
    for (std::size_t at = 0; at < variables.size();) {
        const bool first = at == 0;
        http::Slice name_at;
        http::Slice value_at;
        if (!take_slice(variables, at, name_at) || !take_slice(variables, at, value_at)) {
            return refuse({400, "the SCGI request head is not names and values with NULs"});
        }
        const std::string_view name = variables.substr(name_at.at, name_at.size);
        const std::string_view value = variables.substr(value_at.at, value_at.size);
        if (first && (name != "CONTENT_LENGTH" || value.empty())) {
            return refuse({400, "the SCGI request head does not start with CONTENT_LENGTH"});
        }
        if (name == "SCGI") {
            if (value != "1") return refuse({400, "the SCGI version is not 1"});
            scgi = true;
            continue;
        }
        if (const Step step = builder_.add(name_at, value_at)) return refuse(*step);
    }
    if (!scgi) return refuse({400, "the SCGI request head lacks SCGI = 1"});
    return accept(false);
}

}  // namespace mew::gateway
