#pragma once
// Which codec a connection gets: what its listening socket speaks. The one place that knows
// protocols by name.

#include <memory>

#include "client/settings.h"
#include "http/codec.h"

namespace mew::client {

std::unique_ptr<http::Codec> make_codec(const Settings& settings, std::uint32_t listener);
std::unique_ptr<http::Codec> make_http_codec(const Settings& settings);

}  // namespace mew::client
