#include "worker/codecs.h"

#include "http1/codec.h"

namespace mew::worker {

std::unique_ptr<http::Codec> make_codec(const Settings& settings, std::uint32_t) {
    return std::make_unique<http1::Codec>(settings.limits);
}

}  // namespace mew::worker
