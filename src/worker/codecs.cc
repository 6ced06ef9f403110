#include "worker/codecs.h"

#include "gateway/uwsgi_codec.h"
#include "http1/codec.h"

namespace mew::worker {

std::unique_ptr<http::Codec> make_codec(const Settings& settings, std::uint32_t listener) {
    using net::Protocol;
    const http::Limits& limits = settings.limits;
    switch (settings.listeners[listener].protocol) {
        case Protocol::uwsgi:
            return std::make_unique<gateway::UwsgiCodec>(limits, false);
        case Protocol::uwsgi_kept:
            return std::make_unique<gateway::UwsgiCodec>(limits, true);
        default:
            return std::make_unique<http1::Codec>(limits);
    }
}

}  // namespace mew::worker
