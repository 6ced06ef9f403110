// Feeds arbitrary bytes to the uwsgi codec, one request a connection and kept: see gateway.h. The
// corpus holds what nginx sends (nginx_*, by capture_nginx.py) and seeds for what it never would.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "fuzz/gateway.h"
#include "gateway/uwsgi_codec.h"

namespace {

using mew::gateway::UwsgiCodec;
using mew::http::Codec;
using mew::http::Limits;

std::unique_ptr<Codec> make_once(const Limits& limits) {
    return std::make_unique<UwsgiCodec>(limits, false);
}
std::unique_ptr<Codec> make_kept(const Limits& limits) {
    return std::make_unique<UwsgiCodec>(limits, true);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    for (const auto& make : {make_once, make_kept}) {
        mew::fuzz::converse_in_all_ways(make, bytes, false);
    }
    return 0;
}
