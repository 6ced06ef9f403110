#include "client/codecs.h"

#include "gateway/fastcgi_codec.h"
#include "gateway/scgi_codec.h"
#include "gateway/uwsgi_codec.h"
#include "http1/codec.h"

namespace mew::client {

std::unique_ptr<http::Codec> make_codec(const Settings& settings, std::uint32_t listener) {
    using net::Protocol;
    const http::Limits& limits = settings.limits;
    switch (settings.listeners[listener].protocol) {
        case Protocol::uwsgi:
            return std::make_unique<gateway::UwsgiCodec>(limits, false);
        case Protocol::uwsgi_kept:
            return std::make_unique<gateway::UwsgiCodec>(limits, true);
        case Protocol::fastcgi:
            return std::make_unique<gateway::FastcgiCodec>(limits);
        case Protocol::scgi:
            return std::make_unique<gateway::ScgiCodec>(limits);
        case Protocol::http:
            break;
    }
    return make_http_codec(settings);
}

std::unique_ptr<http::Codec> make_http_codec(const Settings& settings) {
    return std::make_unique<http1::Codec>(settings.limits);
}

}  // namespace mew::client
