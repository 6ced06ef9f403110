#include "gateway/uwsgi_codec.h"

namespace mew::gateway {

namespace {

constexpr std::size_t kHeader = 4;
constexpr std::string_view kPong("\x64\x00\x00\x01", kHeader);

// modifier1
constexpr unsigned char kWsgi = 0;
constexpr unsigned char kWsgiMounted = 30;
constexpr unsigned char kPing = 100;
constexpr unsigned char kClose = 200;

// Little endian.
std::size_t number_at(std::string_view bytes, std::size_t at) {
    return static_cast<unsigned char>(bytes[at]) |
           static_cast<std::size_t>(static_cast<unsigned char>(bytes[at + 1])) << 8;
}

// A number and that many bytes; false: they are not all there.
bool take_slice(std::string_view bytes, std::size_t& at, http::Slice& slice) {
    if (bytes.size() - at < 2) return false;
    const std::size_t size = number_at(bytes, at);
    at += 2;
    if (bytes.size() - at < size) return false;
    slice = {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(size)};
    at += size;
    return true;
}

}  // namespace

PacketCodec::Outcome UwsgiCodec::take_packet(std::string_view bytes, std::size_t& size) {
    if (looks_like_tls(bytes)) return refuse({400, "TLS was spoken to a uwsgi port"});
    if (bytes.size() < kHeader) return Outcome::more;
    if (looks_like_http(bytes)) {
        return refuse({400,
                       "HTTP was spoken to a uwsgi port; use http-socket, or uwsgi_pass in "
                       "nginx"});
    }
    const auto modifier = static_cast<unsigned char>(bytes[0]);
    if (modifier != kWsgi && modifier != kWsgiMounted && modifier != kPing && modifier != kClose) {
        return refuse({501, "the uwsgi packet is no request to a WSGI app (modifier1 0 or 30)"});
    }
    const std::size_t payload = number_at(bytes, 1);
    if (payload > limits_.head_bytes) {
        return refuse({431, "the uwsgi packet is larger than buffer-size"});
    }
    if (bytes.size() < kHeader + payload) return Outcome::more;
    size = kHeader + payload;
    reply_ = modifier == kPing ? kPong : std::string_view{};
    if (modifier == kClose) return Outcome::last;
    if (modifier == kPing) return kept_ ? Outcome::reply : Outcome::last;
    return take_variables(bytes.substr(kHeader, payload), modifier == kWsgiMounted);
}

PacketCodec::Outcome UwsgiCodec::take_variables(std::string_view variables,
                                                bool strip_script_name) {
    builder_.block().assign(variables);
    for (std::size_t at = 0; at < variables.size();) {
        http::Slice name;
        http::Slice value;
        if (!take_slice(variables, at, name) || !take_slice(variables, at, value)) {
            return refuse({400, "a length in the uwsgi packet points behind its end"});
        }
        if (const Step step = builder_.add(name, value)) return refuse(*step);
    }
    return accept(strip_script_name);
}

}  // namespace mew::gateway
