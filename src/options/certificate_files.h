#pragma once
// Part of the last step of load(): files of certificates that are certainly not there. What is in
// them is looked at when the server starts.

#include <functional>
#include <string>
#include <string_view>

#include "options/options.h"

namespace mew::options {

using Tell = std::function<void(std::string_view option, std::string text)>;

void check_certificate_files(const Options& options, const Tell& mistake, const Tell& warning);

}  // namespace mew::options
