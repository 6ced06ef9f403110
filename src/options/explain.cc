// What is in force and why: for `uwsgi.opt`, `mewsgi check` and the dashboard.

#include "base/format.h"
#include "options/apply.h"
#include "options/load.h"
#include "options/parse_value.h"
#include "options/row.h"
#include "options/uwsgi_names.h"

namespace mew::options {
namespace {

std::string meaning_of(const Given& given) {
    const Row* const row = find_row(given.name);
    if (row != nullptr && row->status == Status::no_effect)
        return base::format("no effect: {}", row->reason);
    if (row != nullptr) return std::string(row->help);
    if (find_uwsgi_name(given.name) != nullptr) return "an option of uWSGI, not there yet; ignored";
    return base::format("a placeholder, for %({})", printable(given.name));
}

}  // namespace

std::vector<Effective> effective(const Options& options) {
    const Options defaults;
    std::vector<Effective> all;
    for (const Row& row : table()) {
        if (!has_value(row)) continue;
        Effective one;
        one.name = std::string(row.name);
        one.value = typed_value(options, row);
        const auto texts = show_values(options, row);
        one.text = base::format("{}", base::join(texts, ", "));
        one.changed = texts != show_values(defaults, row);
        all.push_back(std::move(one));
    }
    return all;
}

std::vector<std::string> front_changes(const Options& one, const Options& other) {
    std::vector<std::string> names;
    for (const Row& row : table()) {
        const bool used = row.group == Group::http || (row.flags & kFronts) != 0;
        if (used && has_value(row) && show_values(one, row) != show_values(other, row))
            names.emplace_back(row.name);
    }
    return names;
}

std::vector<Explanation> explain(const Loaded& loaded) {
    std::vector<Explanation> all;
    for (const Given& given : loaded.given) {
        const Row* const row = find_row(given.name);
        const bool secret = row != nullptr && (row->flags & kSecret) != 0;
        // Of NAME=VALUE the name is no secret.
        const std::string value = secret && given.value.find('=') != std::string::npos
                                      ? given.value.substr(0, given.value.find('=')) + "=***"
                                      : given.value;
        all.push_back(
            {given.name, given.bare ? "" : printable(value), given.origin, meaning_of(given)});
    }
    return all;
}

}  // namespace mew::options
