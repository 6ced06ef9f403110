// Feeds arbitrary bytes to the SCGI codec: see gateway.h. The corpus holds what nginx
// sends (nginx_*, by capture_nginx.py) and seeds for what it never would.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "fuzz/gateway.h"
#include "gateway/scgi_codec.h"

namespace {

using mew::gateway::ScgiCodec;
using mew::http::Codec;
using mew::http::Limits;

std::unique_ptr<Codec> make_scgi(const Limits& limits) {
    return std::make_unique<ScgiCodec>(limits);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    mew::fuzz::converse_in_all_ways(make_scgi, bytes, false);
    return 0;
}
