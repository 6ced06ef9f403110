// Options in the environment. Anything may stand there (Kubernetes injects the names of services),
// so an unknown name is never more than a warning.

#include <algorithm>
#include <array>
#include <string_view>

#include "base/format.h"
#include "options/parse_value.h"
#include "options/row.h"
#include "options/sources.h"
#include "options/uwsgi_names.h"

namespace mew::options {
namespace {

// Names that servers, packages and tests of uWSGI and ours use for themselves.
constexpr std::array<std::string_view, 13> kInternal = {
    "RELOADS",       "VASSALS_DIR",      "EMPEROR_FD",  "EMPEROR_FD_CONFIG",  "EMPEROR_PROXY",
    "BROODLORD_NUM", "JAIL_PID",         "PLUGINS",     "ORIGINAL_PROC_NAME", "HOOK_CONTEXT",
    "PACKAGE_DIR",   "PROFILE_OVERRIDE", "EMBED_CONFIG"};

bool is_internal(std::string_view name) {
    return name.starts_with("VASSAL_") || name.starts_with("TEST_") ||
           std::find(kInternal.begin(), kInternal.end(), name) != kInternal.end();
}

// SERVICE_HOST, SERVICE_PORT_HTTP, PORT, PORT_8000_TCP_ADDR, CACHE_PORT ...
bool is_service(std::string_view name) {
    return name.find("SERVICE_") != std::string_view::npos || name == "PORT" ||
           name.starts_with("PORT_") || name.find("_PORT") != std::string_view::npos;
}

void read_variable(std::string_view variable, std::string_view prefix, Gatherer& gatherer) {
    const auto equals = variable.find('=');
    if (!variable.starts_with(prefix) || equals == std::string_view::npos) return;
    if (equals <= prefix.size()) return;
    const std::string_view shown = variable.substr(0, equals);
    const std::string_view bare_name = shown.substr(prefix.size());
    Item item;
    item.value = std::string(variable.substr(equals + 1));
    item.origin = base::format("environment {}", printable(shown));
    item.source = Source::environment;
    item.name.resize(bare_name.size());
    std::transform(bare_name.begin(), bare_name.end(), item.name.begin(), [](char c) {
        if (c == '_') return '-';
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (is_internal(bare_name)) return;
    const Row* const row = find_row(item.name);
    if (row == nullptr && find_uwsgi_name(item.name) == nullptr && is_service(bare_name)) return;
    item.bare = item.value.empty() && row != nullptr && row->value_name.empty();
    if (item.value.empty() && row != nullptr && !item.bare) {
        gatherer.warning(item.origin, "is empty and has no effect; unset it or give it a value");
        return;
    }
    gatherer.add(std::move(item));
}

}  // namespace

void read_environment(const std::vector<std::string>& environment, Gatherer& gatherer) {
    for (const std::string& variable : environment) read_variable(variable, "UWSGI_", gatherer);
    for (const std::string& variable : environment) read_variable(variable, "MEWSGI_", gatherer);
}

}  // namespace mew::options
