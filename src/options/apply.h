#pragma once
// From a text to the field that a row names, and back. The one place that knows field types.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "options/load.h"
#include "options/row.h"

namespace mew::options {

// Replaces a scalar, adds to a list. On error the options are unchanged.
base::Result<void> apply_value(Options& options, const Row& row, std::string_view value);

// Texts that apply_value, in order and from defaults, turns into what is in the field. Empty for
// rows without a value of their own.
std::vector<std::string> show_values(const Options& options, const Row& row);
Effective::Value typed_value(const Options& options, const Row& row);
// False for actions, options without effect and derived ones.
bool has_value(const Row& row);

// For the rows whose field needs more than replacing.
base::Result<void> apply_listener(Options& options, const Row& row, std::string_view value);
base::Result<void> apply_https(Options& options, const Row& row, std::string_view value);
base::Result<void> apply_https2(Options& options, const Row& row, std::string_view value);
base::Result<void> apply_sni(Options& options, const Row& row, std::string_view value);
base::Result<void> apply_env(Options& options, const Row& row, std::string_view value);
base::Result<void> apply_processes(Options& options, const Row& row, std::string_view value);
base::Result<void> apply_http_processes(Options& options, const Row& row, std::string_view value);
base::Result<void> apply_keepalive(Options& options, const Row& row, std::string_view value);
base::Result<void> apply_timeout(Options& options, const Row& row, std::string_view value);
// Those that the option of this name gave.
std::vector<std::string> addresses_of(const Options& options, std::string_view option);
std::vector<std::string> show_env(const Options& options);
std::vector<std::string> show_processes(const Options& options);
std::vector<std::string> show_http_processes(const Options& options);
std::vector<std::string> show_keepalive(const Options& options);

}  // namespace mew::options
