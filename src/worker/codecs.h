#pragma once
// Which codec a connection gets: what its listening socket speaks. The one place of the worker that
// knows protocols by name.

#include <memory>

#include "http/codec.h"
#include "worker/context.h"

namespace mew::worker {

std::unique_ptr<http::Codec> make_codec(const Settings& settings, std::uint32_t listener);
std::unique_ptr<http::Codec> make_http_codec(const Settings& settings);

}  // namespace mew::worker
